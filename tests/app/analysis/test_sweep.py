"""Load sweeps: goodput, the knee, and the highest load within limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.analysis.sweep import Load, Slo, knee, sweep
from optimizers.errors import InputError
from tests.building import record


def load(offered: float, ttft_ms: float, seconds: float = 10.0, slow: int = 0, failed: int = 0) -> Load:
    """100 requests spread over so many seconds; `slow` of them take ten times as long."""
    step = seconds * 1000 / 100
    records = [
        record(
            at,
            due_ms=at * step,
            ttft_ms=ttft_ms * (10 if at < slow else 1),
            tpot_ms=1.0,
            error="HTTP 500: x" if at >= 100 - failed else None,
        )
        for at in range(100)
    ]
    return Load(offered, (tuple((0, each) for each in records),))


def test_goodput_counts_what_keeps_every_limit() -> None:
    (point,) = sweep([load(10, 50, slow=20, failed=5)], Slo.read("ttft_ms=100,e2e_ms=1000")).points
    assert (point.requests, point.errors) == (100, 5)
    assert point.good_share == pytest.approx(0.75)
    assert point.good_interval is not None
    assert point.good_interval.low < 0.75 < point.good_interval.high
    assert point.requests_per_s is not None
    assert point.goodput == pytest.approx(point.requests_per_s * 75 / 95)


def test_the_highest_load_is_the_last_before_the_first_that_breaks_the_slo() -> None:
    loads = [load(4, 400), load(1, 50), load(2, 60, slow=4), load(8, 50)]
    found = sweep(loads, Slo.read("ttft_ms=100"))
    assert [point.offered for point in found.points] == [1, 2, 4, 8]
    assert (found.highest, found.reason) == (2, "")


def test_an_end_of_the_sweep_is_not_taken_for_a_limit() -> None:
    assert "may lie beyond" in sweep([load(1, 50), load(2, 50)], Slo.read("ttft_ms=100")).reason
    none = sweep([load(1, 500)], Slo.read("ttft_ms=100"))
    assert (none.highest, none.reason) == (None, "not even the lowest load is within the SLO")
    assert sweep([load(1, 50)]).highest is None


def test_the_knee_is_where_latency_begins_to_outgrow_throughput() -> None:
    bending = [load(1, 50, 100), load(2, 52, 50), load(4, 60, 25), load(8, 90, 12.5), load(9, 900, 11)]
    assert knee(sweep(bending).points) == 8
    straight = [load(rate, 50.0 * rate, 100 / rate) for rate in (1, 2, 3, 4)]
    assert knee(sweep(straight).points) is None
    assert knee(sweep(bending[:3]).points) is None


def test_an_answer_without_content_keeps_no_limit_on_its_first_token() -> None:
    silent = replace(record(0), first_token_ns=None, last_token_ns=None, token_ns=())
    assert silent.ok
    assert not Slo.read("ttft_ms=60000").met(silent)
    assert Slo.read("tpot_ms=1").met(silent)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("speed=3", "no limit on 'speed'"),
        ("ttft_ms=x", "give a number"),
        ("ttft_ms=0", "more than 0"),
        ("ttft_ms=inf", "more than 0"),
        ("ttft_ms", "give a number"),
    ],
)
def test_limits_that_are_none_are_refused(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Slo.read(text)
