"""Compares a candidate with its baseline, metric by metric, on the same prompts. Pure.

A rung is all repeats of one recipe. The verdict rests on a paired test over repeats and prompts, on a correction for
the number of differences that are judged together, and on a threshold: a difference within the noise floor, or smaller
than the measure's least effect, is "no clear change". Cost, time and tokens change by a share of the baseline's; the
share of right answers changes by percentage points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np

from app.analysis.metric import BY_TAG
from app.analysis.quality import score_answers
from app.analysis.resampling import MEAN, MEDIAN, Matrix, Statistic
from app.analysis.scoring import DEFAULT_RULE
from app.analysis.statistics import MIN_TAIL, Estimate, Interval, adjusted, contrast, paired_share_difference, sign_test
from app.analysis.summary import LATENCIES, CountedRecord, e2e_ms, run_seconds
from app.replay.record import RequestRecord

Verdict = Literal["better", "worse", "no clear change", "not comparable", "failed"]
Unit = Literal["ratio", "points"]
MIN_EFFECT = 0.05
"""Below 5 % nobody changes a deployment, and two launches of one engine differ by about as much."""
MIN_POINTS = 1.0
"""Percentage points of right answers below which nobody would choose another configuration."""
MAX_CHANCE = 0.05
MAX_LOG = 700.0
MIN_REPEATS = 3
MIN_PROMPTS = 16


@dataclass(frozen=True)
class RungData:
    """Everything measured of one recipe: for each repeat its (segment, record) pairs.

    `prompt_set` and `hardware` identify what the numbers depend on besides the recipe. `expected` are the answers
    that are right, by position, and `score` the rule to tell.
    """

    repeats: tuple[tuple[CountedRecord, ...], ...]
    prompt_set: str = ""
    hardware: str = ""
    expected: Mapping[int, str] = field(default_factory=dict)
    score: str = DEFAULT_RULE

    @cached_property
    def texts(self) -> tuple[dict[int, str], ...]:
        """For each repeat its answers by position."""
        return tuple({record.position: record.text for _, record in repeat if record.ok} for repeat in self.repeats)

    @cached_property
    def scores(self) -> tuple[dict[int, bool], ...]:
        """For each repeat whether the answers to what it sent were right; a request that failed was not."""
        found = []
        for repeat, texts in zip(self.repeats, self.texts, strict=True):
            sent = {record.position for _, record in repeat}
            expected = {position: text for position, text in self.expected.items() if position in sent}
            found.append(score_answers(texts, expected, self.score))
        return tuple(found)

    @cached_property
    def positions(self) -> list[int]:
        return sorted({record.position for repeat in self.repeats for _, record in repeat})

    @cached_property
    def matrices(self) -> dict[str, Matrix]:
        """By measure its (repeats, positions), NaN where a position has no value."""
        return {tag: _matrix(measure.values(self), self.positions) for tag, measure in MEASURES.items()}

    @cached_property
    def answered(self) -> int:
        return sum(record.ok for repeat in self.repeats for _, record in repeat)


@dataclass(frozen=True)
class Difference:
    """`delta` is the change and `interval` its 95 % interval; None when not measurable.

    By `unit`: a "ratio" is candidate / baseline - 1, "points" are candidate - baseline in percentage points. `won` and
    `lost` count the prompts that did better and worse than on the baseline, for a metric in points. `chance` is the p
    value of no change, and `corrected` the same for all differences judged together; the interval is not corrected.
    """

    metric: str
    baseline: float | None
    candidate: float | None
    delta: float | None
    interval: Interval | None
    verdict: Verdict
    unit: Unit = "ratio"
    won: int | None = None
    lost: int | None = None
    chance: float | None = None
    corrected: float | None = None

    @property
    def factor(self) -> float | None:
        """candidate / baseline, of a ratio."""
        return None if self.delta is None or self.unit != "ratio" else 1 + self.delta

    @property
    def factor_interval(self) -> Interval | None:
        return None if self.factor is None or self.interval is None else self.interval.shifted(1.0)

    def format(self, change: float) -> str:
        """A change in this difference's unit, signed: `-20.0%` or `-1.6 points`."""
        return f"{change:+.1%}" if self.unit == "ratio" else f"{change:+.1f} points"

    def format_span(self, interval: Interval) -> str:
        if self.unit == "ratio":
            return f"{interval.low:+.1%} to {interval.high:+.1%}"
        return f"{interval.low:+.1f} to {interval.high:+.1f} points"


@dataclass(frozen=True)
class Comparison:
    """`verdict` is on the cost. `small_sample` says why the sides are too small to be trusted much; empty if not."""

    verdict: Verdict
    reason: str
    differences: Mapping[str, Difference] = field(default_factory=dict)
    small_sample: tuple[str, ...] = ()

    @property
    def cost_factor(self) -> float | None:
        """The candidate's cost as a multiple of the baseline's."""
        cost = self.differences.get("relative_cost")
        return None if cost is None else cost.factor

    @property
    def cost_interval(self) -> Interval | None:
        cost = self.differences.get("relative_cost")
        return None if cost is None else cost.factor_interval


@dataclass(frozen=True)
class _Measure:
    """How one compared metric is taken: for each repeat a value for each prompt, and a statistic of (draws, repeats,
    prompts). `least` is the smallest change worth a verdict, in the measure's unit."""

    values: Callable[[RungData], list[dict[int, float | None]]]
    statistic: Statistic
    unit: Unit = "ratio"
    least: float = MIN_EFFECT


def _each(value: Callable[[RequestRecord], float | None]) -> Callable[[RungData], list[dict[int, float | None]]]:
    return lambda side: [{r.position: value(r) if r.ok else None for _, r in repeat} for repeat in side.repeats]


def _hardware_seconds(side: RungData) -> list[dict[int, float | None]]:
    return [hardware_seconds(repeat) for repeat in side.repeats]


def _percent_right(side: RungData) -> list[dict[int, float | None]]:
    return [{position: 100.0 * right for position, right in scores.items()} for scores in side.scores]


def hardware_seconds(records: Sequence[CountedRecord]) -> dict[int, float | None]:
    """The run's seconds, shared out over its requests by how long each was open, so that the mean over requests
    is the hardware time for each. Failed requests' share is spread over the answered ones. What was spent on a prompt
    before it was sent is its own."""
    answered = [record for _, record in records if record.ok]
    open_ms = sum(e2e_ms(record) for record in answered)
    if not open_ms:
        return {}
    scale = run_seconds(records) / open_ms
    return {record.position: e2e_ms(record) * scale + record.prepared_ns / 1e9 for record in answered}


MEASURES: dict[str, _Measure] = {
    "relative_cost": _Measure(_hardware_seconds, MEAN),
    **{tag: _Measure(_each(latency), MEDIAN) for tag, latency in LATENCIES.items()},
    "output_tokens": _Measure(_each(lambda record: record.completion_tokens), MEAN),
    "quality": _Measure(_percent_right, MEAN, "points", MIN_POINTS),
}
"""Which statistic is compared: cost and tokens by their mean, which adds up to the bill; latency by its median."""


def compare(baseline: RungData, candidate: RungData, noise: Mapping[str, float] | None = None) -> Comparison:
    """`noise` is the noise floor per metric, in its unit, from comparing the baseline with itself."""
    if not baseline.answered or not candidate.answered:
        side = "baseline" if not baseline.answered else "candidate"
        return Comparison("failed", f"the {side} answered no request")
    different = not_comparable(baseline, candidate)
    if different:
        return Comparison("not comparable", different)
    differences = {tag: difference(tag, baseline, candidate, (noise or {}).get(tag, 0.0)) for tag in MEASURES}
    cost = differences["relative_cost"]
    return Comparison(cost.verdict, _sentence(cost), differences, small_sample(baseline, candidate))


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with verdicts that hold together: Benjamini and Hochberg's correction over all metrics that
    get a verdict, of all candidates. It can only take a "better" or "worse" back."""
    judged = [
        (number, tag)
        for number, comparison in enumerate(comparisons)
        for tag in comparison.differences
        if BY_TAG[tag].better is not None
    ]
    chances = adjusted([comparisons[number].differences[tag].chance for number, tag in judged])
    found = [dict(comparison.differences) for comparison in comparisons]
    for (number, tag), chance in zip(judged, chances, strict=True):
        before = found[number][tag]
        quiet = chance is None or chance > MAX_CHANCE
        found[number][tag] = replace(before, corrected=chance, verdict="no clear change" if quiet else before.verdict)
    return [
        replace(comparison, differences=each, verdict=each["relative_cost"].verdict) if each else comparison
        for comparison, each in zip(comparisons, found, strict=True)
    ]


def small_sample(*sides: RungData) -> tuple[str, ...]:
    """Why differences between these sides rest on little."""
    repeats = min(len(side.repeats) for side in sides)
    prompts = min(len(side.positions) for side in sides)
    reasons = []
    if repeats < MIN_REPEATS:
        count = "1 repeat" if repeats == 1 else f"{repeats} repeats"
        reasons.append(f"{count}, fewer than {MIN_REPEATS}: how much runs differ by themselves is hardly known")
    if prompts < MIN_PROMPTS:
        count = "1 prompt" if prompts == 1 else f"{prompts} prompts"
        reasons.append(f"{count}, fewer than {MIN_PROMPTS}")
    return tuple(reasons)


def noise_floor(baseline: RungData, again: RungData) -> dict[str, float]:
    """How far two equal rungs lie apart, by metric, as a share or in points: the A/A difference."""
    found = {tag: difference(tag, baseline, again).delta for tag in MEASURES}
    return {tag: abs(value) for tag, value in found.items() if value is not None}


def small_tails(answered: int) -> tuple[str, ...]:
    """Why p95 and p99 of that many requests rest on little."""
    return (f"p95 and p99 rest on {answered} requests, fewer than {MIN_TAIL}",) if answered < MIN_TAIL else ()


def without_cause(comparison: Comparison, saving: Verdict = "better") -> Comparison:
    """The same figures where nothing took effect: a saving needs a cause, and without one it is the machine that
    changed between two engines. What got worse stays so, since a technique that does nothing can still cost.

    `saving` is the verdict that speaks for the technique: "worse" where the candidate is the side without it.
    """
    kept = {
        tag: replace(item, verdict="no clear change") if item.verdict == saving else item
        for tag, item in comparison.differences.items()
    }
    verdict: Verdict = "no clear change" if comparison.verdict == saving else comparison.verdict
    return replace(comparison, verdict=verdict, differences=kept)


def paired_matrices(tag: str, sides: Sequence[RungData]) -> list[Matrix]:
    """For each side the measure's (repeats, prompts), with the same prompts in all: a prompt that one side never
    answered cannot be paired. Empty when none is left."""
    positions = sorted(set.intersection(*({*side.positions} for side in sides)))
    matrices = [side.matrices[tag][:, np.searchsorted(side.positions, positions)] for side in sides]
    if any(matrix.size == 0 for matrix in matrices):
        return []
    paired = np.logical_and.reduce([~np.isnan(matrix).all(axis=0) for matrix in matrices])
    return [matrix[:, paired] for matrix in matrices] if paired.any() else []


def difference(tag: str, baseline: RungData, candidate: RungData, noise: float = 0.0) -> Difference:
    """One measure's change; `noise` is its noise floor."""
    measure = MEASURES[tag]
    matrices = paired_matrices(tag, (baseline, candidate))
    if not matrices:
        return Difference(tag, None, None, None, None, "no clear change", measure.unit)
    before, after = matrices
    old, new = (float(measure.statistic(side[None])[0]) for side in (before, after))
    if measure.unit == "points":
        return _points_difference(tag, before, after, noise)
    estimate = contrast((before, after), (-1, 1), measure.statistic)
    interval, chance = as_change(estimate)
    delta = new / old - 1 if old else None
    return Difference(tag, old, new, delta, interval, verdict_on(tag, delta, interval, noise), chance=chance)


def as_change(estimate: Estimate | None) -> tuple[Interval | None, float | None]:
    """(interval of the factor less 1, p value) of an estimated log factor."""
    if estimate is None:
        return None, None
    low, high = np.expm1(np.minimum(estimate.interval.to_json(), MAX_LOG))
    return Interval(float(low), float(high)), estimate.chance


def _points_difference(tag: str, before: Matrix, after: Matrix, noise: float) -> Difference:
    one, other = np.nanmean(before, axis=0), np.nanmean(after, axis=0)
    old, new = float(np.nanmean(before)), float(np.nanmean(after))
    estimate = paired_share_difference(one / 100, other / 100)
    interval = chance = None
    won, lost = int((other > one).sum()), int((other < one).sum())
    if estimate is not None:
        interval = Interval(100 * estimate.interval.low, 100 * estimate.interval.high)
        # Of a few changed prompts the normal distribution is too sure; the exact test is not.
        chance = max(estimate.chance, sign_test(won, lost))
    verdict = verdict_on(tag, new - old, interval, noise)
    if chance is None or chance >= MAX_CHANCE:
        verdict = "no clear change"
    return Difference(tag, old, new, new - old, interval, verdict, "points", won, lost, chance)


def verdict_on(tag: str, delta: float | None, interval: Interval | None, noise: float) -> Verdict:
    """The word for a change; `noise` is the noise floor of its measure."""
    better = BY_TAG[tag].better
    threshold = max(noise, MEASURES[tag].least)
    if delta is None or interval is None or better is None or abs(delta) <= threshold:
        return "no clear change"
    if interval.low <= 0 <= interval.high:
        return "no clear change"
    return "better" if (delta < 0) == (better == "lower") else "worse"


def _matrix(repeats: Sequence[Mapping[int, float | None]], positions: Sequence[int]) -> Matrix:
    matrix = np.full((len(repeats), len(positions)), np.nan)
    for row, values in zip(matrix, repeats, strict=True):
        # A value that is None becomes NaN.
        row[np.searchsorted(positions, [*values])] = np.array([*values.values()], dtype=float)
    return matrix


def not_comparable(baseline: RungData, candidate: RungData) -> str | None:
    """What is known to differ; what is not known of one side is `not_known`'s business."""
    if baseline.prompt_set and candidate.prompt_set and baseline.prompt_set != candidate.prompt_set:
        return "the prompt sets differ"
    if baseline.hardware and candidate.hardware and baseline.hardware != candidate.hardware:
        return f"the hardware differs ({baseline.hardware} against {candidate.hardware})"
    return None


def not_known(baseline: RungData, candidate: RungData) -> str | None:
    """What may differ without anybody knowing, as with runs that another client measured."""
    sides = ((baseline, "baseline"), (candidate, "candidate"))
    blind = {name: [side for data, side in sides if not getattr(data, name)] for name in ("prompt_set", "hardware")}
    told = [f"the {name.replace('_', ' ')} of the {' and the '.join(sides)}" for name, sides in blind.items() if sides]
    return f"not known: {', '.join(told)}" if told else None


def _sentence(cost: Difference) -> str:
    if cost.factor is None:
        return "the cost could not be compared"
    span = cost.factor_interval
    told = "" if span is None else f" (95 % interval {span.low:.2f}x to {span.high:.2f}x)"
    return f"{cost.factor:.2f}x the baseline's cost per answered request{told}"
