"""Metrics are declared once, and a missing value is an en dash, never 0."""

from __future__ import annotations

import pytest

from app.analysis.compare import MEASURES
from app.analysis.metric import BY_TAG, METRICS, MISSING


def test_a_missing_value_is_an_en_dash_and_a_zero_is_a_zero() -> None:
    for metric in METRICS:
        assert metric.format(None) == metric.format(None, unit=False) == MISSING == "–"
        assert metric.format(0.0) != MISSING


@pytest.mark.parametrize(
    ("tag", "value", "text"),
    [
        ("ttft_ms", 1234.5, "1,234 ms"),
        ("tpot_ms", 12.345, "12.3 ms"),
        ("relative_cost", 0.555, "0.56 x"),
        ("prompt_tokens", 12345, "12,345"),
        ("usd_per_1000_requests", 0.00012, "$0.0001"),
    ],
)
def test_values_have_units_and_separators(tag: str, value: float, text: str) -> None:
    assert BY_TAG[tag].format(value) == text
    assert BY_TAG[tag].format(value, unit=False) == text.partition(" ")[0].lstrip("$")


def test_tags_are_unique_and_declared_whole() -> None:
    assert len(BY_TAG) == len(METRICS)
    for metric in METRICS:
        assert metric.title
        assert metric.help.endswith("."), metric.tag
        assert not metric.distribution or metric.headline in ("mean", "p50", "p95", "p99"), metric.tag
    assert set(MEASURES) <= set(BY_TAG)
