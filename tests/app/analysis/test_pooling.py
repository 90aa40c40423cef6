"""Repeats as one: each metric averaged over the repeats that have it."""

from __future__ import annotations

from typing import Any

from app.analysis.metric import METRICS
from app.analysis.pooling import pooled_metrics


class TestPooling:
    def summary(self, **metrics: Any) -> dict[str, Any]:
        return {"metrics": metrics}

    def test_repeats_are_averaged_statistic_by_statistic(self) -> None:
        found = pooled_metrics(
            [
                self.summary(ttft_ms={"mean": 1.0, "p50": 2.0, "p95": None, "p99": 8.0}, requests_per_s=4.0),
                None,
                self.summary(ttft_ms={"mean": 3.0, "p50": 4.0, "p95": 6.0, "p99": None}, requests_per_s=None),
            ]
        )
        assert found["ttft_ms"] == {"mean": 2.0, "p50": 3.0, "p95": 6.0, "p99": 8.0}
        assert found["requests_per_s"] == 4.0

    def test_a_metric_that_no_repeat_has_is_none(self) -> None:
        found = pooled_metrics([self.summary(ttft_ms=None, quality=None), self.summary()])
        assert found["quality"] is None
        assert set(found["ttft_ms"].values()) == {None}
        assert found.keys() == pooled_metrics([]).keys() == {metric.tag for metric in METRICS}

    def test_a_measured_zero_counts(self) -> None:
        assert pooled_metrics([self.summary(cached_tokens=0), self.summary(cached_tokens=10)])["cached_tokens"] == 5
