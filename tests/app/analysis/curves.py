"""Load curves made up for tests, with figures that can be reckoned by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.analysis.load_curve import LoadCurve, RunPoint


def point(run_id: int, rate: float, ttft_ms: float, **more: Any) -> RunPoint:
    """TPOT is 10 ms and end to end TTFT + 500 ms, whatever the percentile."""
    figures = {"ttft_ms": ttft_ms, "tpot_ms": 10.0, "e2e_ms": ttft_ms + 500}
    latency = {(tag, statistic): value for tag, value in figures.items() for statistic in ("p50", "p95", "p99", "mean")}
    rest = {"requests": 200, "prompt_tokens": 1000.0, "output_tokens": 100.0, "prefill_share": 0.5, "offered": rate}
    return RunPoint(run_id=run_id, requests_per_s=rate, latency=latency, **(rest | more))


def curve(points: Sequence[tuple[float, float]] = ((1, 100), (2, 200), (4, 600)), **more: Any) -> LoadCurve:
    """One repeat of each (requests/s, TTFT in ms)."""
    runs = tuple(point(at + 1, rate, ttft) for at, (rate, ttft) in enumerate(points))
    facts: Mapping[str, Any] = {"key": "1", "title": "1 · Baseline", "is_open": True, "experiment_id": 1}
    return LoadCurve(**({"runs": runs} | dict(facts) | more))
