"""Compares a run of which only a summary is known. Pure: the figures side by side, without interval or verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.analysis.compare import MEASURES, Comparison, Difference, RungData, not_comparable
from app.analysis.summary import LATENCIES


def compare_summaries(
    baseline: Mapping[str, Any], candidate: Mapping[str, Any], sides: tuple[RungData, RungData]
) -> Comparison:
    """`sides` tell prompt sets and hardware. A difference is of the medians of latency, and of output tokens by
    answered request."""
    different = not_comparable(*sides)
    if different:
        return Comparison("not comparable", different)
    return Comparison(
        "no clear change",
        "only summaries are known of one side, so no change has an interval or a verdict",
        {tag: _difference(tag, _value(tag, baseline), _value(tag, candidate)) for tag in MEASURES},
    )


def _value(tag: str, summary: Mapping[str, Any]) -> float | None:
    metrics, answered = summary["metrics"], summary["requests"] - summary["errors"]
    if tag in LATENCIES:
        return (metrics.get(tag) or {}).get("p50")
    if tag == "output_tokens":
        total = metrics.get(tag)
        return total / answered if total is not None and answered else None
    return metrics.get(tag)


def _difference(tag: str, old: float | None, new: float | None) -> Difference:
    unit = MEASURES[tag].unit
    if old is None or new is None or (unit == "ratio" and not old):
        delta = None
    else:
        delta = new / old - 1 if unit == "ratio" else new - old
    return Difference(tag, old, new, delta, None, "no clear change", unit)
