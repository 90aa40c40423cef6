"""A load sweep as a figure: throughput and latency in panels of their own, with what limits them."""

from __future__ import annotations

from app.analysis.sweep import Slo, sweep
from app.views.sweep_words import sweep_chart
from tests.app.analysis.test_sweep import load

BENDING = [load(1, 50, 100), load(2, 52, 50), load(4, 60, 25), load(8, 90, 12.5), load(9, 900, 11)]


def test_throughput_and_latency_do_not_share_a_panel() -> None:
    layout = sweep_chart(sweep(BENDING), "requests/s").layout
    assert layout.yaxis2.domain[1] < layout.yaxis.domain[0]
    assert layout.yaxis2.overlaying is None


def test_the_knee_and_the_limits_are_drawn() -> None:
    slo = Slo.read("ttft_ms=100,tpot_ms=50")
    shapes = sweep_chart(sweep(BENDING, slo), "requests/s", slo).layout.shapes
    assert [(shape.y0, shape.label.text) for shape in shapes if shape.yref == "y2"] == [(100, "TTFT limit")]
    assert [shape.x0 for shape in shapes if shape.label.text == "knee"] == [8]


def test_without_limits_or_a_knee_there_is_no_line() -> None:
    assert not sweep_chart(sweep(BENDING[:3]), "requests/s").layout.shapes
