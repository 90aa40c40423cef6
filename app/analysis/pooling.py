"""Repeats of a rung as one: metrics averaged, evidence and doubts merged, the state that tells most. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.analysis.metric import METRICS

NUMBER = re.compile(r"\d+")


def pooled_metrics(summaries: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Each metric as the mean over repeats, statistic by statistic; None where no repeat has it."""
    parts = [summary["metrics"] for summary in summaries if summary]
    pooled: dict[str, Any] = {}
    for metric in METRICS:
        values = [part.get(metric.tag) for part in parts]
        if metric.distribution:
            names = ("mean", "p50", "p95", "p99")
            pooled[metric.tag] = {name: _mean([(value or {}).get(name) for value in values]) for name in names}
        else:
            pooled[metric.tag] = _mean(values)
    return pooled


def merged_evidence(summaries: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The evidence of the first repeat; a technique counts as in effect only if it was in every repeat."""
    if not summaries:
        return ()
    merged = []
    for item in summaries[0]["evidence"]:
        seen = [e["took_effect"] for s in summaries for e in s["evidence"] if e["technique"] == item["technique"]]
        effect = False if False in seen else None if None in seen else True
        merged.append({**item, "took_effect": effect})
    return tuple(merged)


def idle_techniques(evidence: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The techniques of which it is seen that they did nothing."""
    return frozenset(item["technique"] for item in evidence if item["took_effect"] is False)


def merged_suspicions(summaries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Each reason once, where repeats differ only in their figures: with those of the worst."""
    worst: dict[str, str] = {}
    for reason in (reason for summary in summaries for reason in summary["suspect"]):
        kind = NUMBER.sub("#", reason)
        worst[kind] = max(worst.get(kind, reason), reason, key=lambda text: [int(n) for n in NUMBER.findall(text)])
    return tuple(worst.values())


def pooled_status(statuses: Sequence[str]) -> str:
    if all(status == "done" for status in statuses):
        return "done"
    for status in ("failed", "running", "interrupted", "cancelled"):
        if status in statuses:
            return status
    return "running" if "done" in statuses else "queued"


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None
