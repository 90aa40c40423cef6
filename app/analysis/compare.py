"""Compares a candidate with its baseline, metric by metric, on the same prompts. Pure.

A rung is all repeats of one recipe. The verdict rests on a paired bootstrap interval and on a threshold: a
difference within the noise floor, or smaller than `MIN_EFFECT`, is "no clear change".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.analysis.metric import BY_TAG
from app.analysis.statistics import Interval, Matrix, ratio_interval
from app.analysis.summary import CountedRecord, e2e_ms, run_seconds, tpot_ms, ttft_ms
from app.replay.record import RequestRecord

Verdict = Literal["better", "worse", "no clear change", "not comparable", "failed"]
MIN_EFFECT = 0.05
"""Below 5 % nobody changes a deployment, and two launches of one engine differ by about as much."""


@dataclass(frozen=True)
class RungData:
    """Everything measured of one recipe: for each repeat its (segment, record) pairs.

    `prompt_set` and `hardware` identify what the numbers depend on besides the recipe.
    """

    repeats: tuple[tuple[CountedRecord, ...], ...]
    prompt_set: str = ""
    hardware: str = ""

    @property
    def positions(self) -> list[int]:
        return sorted({record.position for repeat in self.repeats for _, record in repeat})

    @property
    def answered(self) -> int:
        return sum(record.ok for repeat in self.repeats for _, record in repeat)


@dataclass(frozen=True)
class Difference:
    """`delta` is candidate / baseline - 1, `interval` its 95 % interval; None when not measurable."""

    metric: str
    baseline: float | None
    candidate: float | None
    delta: float | None
    interval: Interval | None
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    verdict: Verdict
    reason: str
    differences: Mapping[str, Difference] = field(default_factory=dict)


@dataclass(frozen=True)
class _Measure:
    """How one compared metric is taken: a value for each request, and a statistic of (draws, repeats, prompts)."""

    values: Callable[[Sequence[CountedRecord]], dict[int, float | None]]
    statistic: Callable[[Matrix], NDArray[np.float64]]


def _mean(drawn: Matrix) -> NDArray[np.float64]:
    return np.asarray(np.nanmean(drawn, axis=(1, 2)))


def _median(drawn: Matrix) -> NDArray[np.float64]:
    return np.asarray(np.nanmedian(drawn, axis=(1, 2)))


def _each(
    value: Callable[[RequestRecord], float | None],
) -> Callable[[Sequence[CountedRecord]], dict[int, float | None]]:
    return lambda records: {r.position: value(r) if r.ok else None for _, r in records}


def hardware_seconds(records: Sequence[CountedRecord]) -> dict[int, float | None]:
    """The run's seconds, shared out over its requests by how long each was open, so that the mean over requests
    is the hardware time for each. Failed requests' share is spread over the answered ones."""
    answered = [record for _, record in records if record.ok]
    open_ms = sum(e2e_ms(record) for record in answered)
    if not open_ms:
        return {}
    scale = run_seconds(records) / open_ms
    return {record.position: e2e_ms(record) * scale for record in answered}


MEASURES: dict[str, _Measure] = {
    "relative_cost": _Measure(hardware_seconds, _mean),
    "ttft_ms": _Measure(_each(ttft_ms), _median),
    "tpot_ms": _Measure(_each(tpot_ms), _median),
    "e2e_ms": _Measure(_each(e2e_ms), _median),
    "output_tokens": _Measure(_each(lambda record: record.completion_tokens), _mean),
}
"""Which statistic is compared: cost and tokens by their mean, which adds up to the bill; latency by its median."""


def compare(baseline: RungData, candidate: RungData, noise: Mapping[str, float] | None = None) -> Comparison:
    """`noise` is the noise floor per metric (a share), from comparing the baseline with itself."""
    if not baseline.answered or not candidate.answered:
        side = "baseline" if not baseline.answered else "candidate"
        return Comparison("failed", f"the {side} answered no request")
    different = _not_comparable(baseline, candidate)
    if different:
        return Comparison("not comparable", different)
    differences = {tag: _difference(tag, baseline, candidate, (noise or {}).get(tag, 0.0)) for tag in MEASURES}
    cost = differences["relative_cost"]
    return Comparison(cost.verdict, _sentence(cost), differences)


def noise_floor(baseline: RungData, again: RungData) -> dict[str, float]:
    """How far two equal rungs lie apart, by metric, as a share: the A/A difference."""
    found = {tag: _difference(tag, baseline, again, 0.0).delta for tag in MEASURES}
    return {tag: abs(value) for tag, value in found.items() if value is not None}


def without_cause(comparison: Comparison) -> Comparison:
    """The same figures where nothing took effect: a saving needs a cause, and without one it is the machine that
    changed between two engines. What got worse stays so, since a technique that does nothing can still cost."""
    kept = {
        tag: replace(item, verdict="no clear change") if item.verdict == "better" else item
        for tag, item in comparison.differences.items()
    }
    verdict: Verdict = "no clear change" if comparison.verdict == "better" else comparison.verdict
    return Comparison(verdict, comparison.reason, kept)


def _difference(tag: str, baseline: RungData, candidate: RungData, noise: float) -> Difference:
    measure = MEASURES[tag]
    positions = sorted({*baseline.positions} & {*candidate.positions})
    matrices = [_matrix(side, measure, positions) for side in (baseline, candidate)]
    if any(matrix.size == 0 or np.isnan(matrix).all() for matrix in matrices):
        return Difference(tag, None, None, None, None, "no clear change")
    # A prompt that one side never answered cannot be paired.
    paired = ~np.isnan(matrices[0]).all(axis=0) & ~np.isnan(matrices[1]).all(axis=0)
    before, after = (matrix[:, paired] for matrix in matrices)
    if before.size == 0:
        return Difference(tag, None, None, None, None, "no clear change")
    old, new = (float(measure.statistic(side[None])[0]) for side in (before, after))
    ratio = ratio_interval(before, after, measure.statistic)
    interval = None if ratio is None else Interval(ratio.low - 1, ratio.high - 1)
    delta = new / old - 1 if old else None
    return Difference(tag, old, new, delta, interval, _verdict(tag, delta, interval, max(noise, MIN_EFFECT)))


def _verdict(tag: str, delta: float | None, interval: Interval | None, threshold: float) -> Verdict:
    better = BY_TAG[tag].better
    if delta is None or interval is None or better is None or abs(delta) <= threshold:
        return "no clear change"
    if interval.low <= 0 <= interval.high:
        return "no clear change"
    return "better" if (delta < 0) == (better == "lower") else "worse"


def _matrix(side: RungData, measure: _Measure, positions: Sequence[int]) -> Matrix:
    rows = []
    for repeat in side.repeats:
        values = measure.values(repeat)
        rows.append([np.nan if (value := values.get(position)) is None else value for position in positions])
    return np.asarray(rows, dtype=float)


def _not_comparable(baseline: RungData, candidate: RungData) -> str | None:
    if baseline.prompt_set != candidate.prompt_set:
        return "the prompt sets differ"
    if baseline.hardware != candidate.hardware:
        return f"the hardware differs ({baseline.hardware} against {candidate.hardware})"
    return None


def _sentence(cost: Difference) -> str:
    if cost.delta is None:
        return "the cost could not be compared"
    factor = f"{1 + cost.delta:.2f}x the baseline's cost per answered request"
    if cost.interval is not None:
        factor += f" (95 % interval {1 + cost.interval.low:.2f}x to {1 + cost.interval.high:.2f}x)"
    return factor
