"""What was measured of one recipe at one or several loads, and the highest load at which it keeps a limit. Pure.

Works from runs' summaries, never from their requests: limits are on a percentile of each run, and repeats tell how sure
it is. Nothing is said beyond the measured loads; between two of them latency is a straight line over throughput.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from app.analysis.metric import BY_TAG
from app.analysis.statistics import LEVEL, MIN_TAIL, Interval
from app.analysis.summary import LATENCIES

STATISTICS = ("p50", "p95", "p99", "mean")
FAILED_AT_MEAN = 0.05
AS_MEASURED = Interval(1.0, 1.0)

Values = NDArray[np.float64]


class Unanswered(Exception):
    """A question that what was measured does not answer; the text says why and how far off it is."""


@dataclass(frozen=True)
class RunPoint:
    """One finished run. `offered` is requests/s or requests in flight; `latency` has milliseconds by metric and
    statistic; tokens are means of an answered request, `quality` is the percentage of expected answers that were given.
    None was not measured.
    """

    run_id: int
    offered: float
    requests_per_s: float
    latency: Mapping[tuple[str, str], float]
    requests: int
    errors: int = 0
    prompt_tokens: float | None = None
    cached_tokens: float | None = None
    output_tokens: float | None = None
    prefill_share: float | None = None
    watts: float | None = None
    quality: float | None = None
    suspect: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadCurve:
    """The runs of one recipe. `is_open` tells whether requests left by a clock, or users waited for one another."""

    key: str
    title: str
    runs: tuple[RunPoint, ...]
    is_open: bool
    experiment_id: int = 0
    machine: str = ""
    model: str = ""
    prompt_set: str = ""
    prompt_hash: str = ""
    recipe: tuple[Mapping[str, object], ...] = field(default=())
    schedule: str = ""
    price_per_hour: float | None = None

    @property
    def levels(self) -> tuple[tuple[RunPoint, ...], ...]:
        """The repeats of each load, by growing load."""
        runs = sorted(self.runs, key=lambda run: (run.offered, run.run_id))
        return tuple(tuple(group) for _, group in groupby(runs, key=lambda run: run.offered))

    @property
    def is_point(self) -> bool:
        return len(self.levels) == 1

    @property
    def highest_rate(self) -> float:
        """The most requests/s that a load was measured to answer."""
        return max(_mean([run.requests_per_s for run in level]) for level in self.levels)

    @property
    def lightest(self) -> tuple[RunPoint, ...]:
        return self.levels[0]

    def mean(self, name: str) -> float | None:
        """The mean of a run's figure over all runs that know it."""
        known = [value for run in self.runs if (value := getattr(run, name)) is not None]
        return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class Scale:
    """How another token mix than the measured one changes things: the hardware's work for a request, and latencies at
    the same utilisation, as factors. `work_range` holds the factor however the time splits."""

    work: float = 1.0
    latency: Mapping[str, float] = field(default_factory=dict)
    work_range: Interval = AS_MEASURED


@dataclass(frozen=True)
class Capacity:
    """Requests/s within the limits. `at_least`: every measured load was within them. `interval` is None where repeats
    do not tell how runs differ; its `low` is 0 where the lightest load may already be beyond the limits. `limit` is the
    metric that ends it, empty where none does."""

    rate: float
    at_least: bool
    interval: Interval | None
    limit: str = ""


@dataclass(frozen=True)
class Line:
    """A latency over throughput at the measured loads, in the order of growing load. `reach` is the half width of the
    95 % interval of its logarithm, None for a single repeat; the same of `rates`."""

    rates: Values
    values: Values
    reach: Values | None
    rate_reach: Values | None


def line(curve: LoadCurve, tag: str, statistic: str, scale: Scale | None = None) -> Line:
    """Geometric means over repeats. A load at which more requests failed than the statistic leaves out is infinitely
    slow. Raises Unanswered where no run has the metric."""
    scale = scale or Scale()
    levels = [[run for run in level if (tag, statistic) in run.latency] for level in curve.levels]
    levels = [level for level in levels if level]
    if not levels:
        raise Unanswered(f"{BY_TAG[tag].title} {statistic} was not measured in {curve.title}")
    latencies = [[run.latency[tag, statistic] for run in level] for level in levels]
    rates = [[run.requests_per_s for run in level] for level in levels]
    values = np.asarray([_mean(each) for each in latencies]) * scale.latency.get(tag, 1.0)
    failed = np.asarray([_failed(level) > _allowed(statistic) for level in levels])
    return Line(
        np.asarray([_mean(each) for each in rates]) / scale.work,
        np.where(failed, inf, values),
        _reach(latencies),
        _reach(rates),
    )


def capacity(curve: LoadCurve, limits: Mapping[str, float], statistic: str, scale: Scale | None = None) -> Capacity:
    """The highest load at which every limit (milliseconds by metric) is kept. Without limits, the highest measured
    throughput. Raises Unanswered when even the lightest measured load breaks one."""
    scale = scale or Scale()
    measured = (tag for tag in LATENCIES if (tag, statistic) in curve.runs[0].latency)
    tags = list(limits) or [next(measured, "e2e_ms")]
    lines = {tag: line(curve, tag, statistic, scale) for tag in tags}
    found: dict[str, tuple[float, bool]] = {}
    for tag, each in lines.items():
        crossing = highest_within(each.rates, each.values, limits.get(tag, inf))
        if crossing is None:
            raise Unanswered(_too_slow(curve, tag, statistic, each, limits[tag]))
        found[tag] = crossing
    tag = min(found, key=lambda name: found[name][0])
    rate, at_least = found[tag]
    bounds = [_bounds(each, limits.get(name, inf)) for name, each in lines.items()]
    known = [bound for bound in bounds if bound is not None]
    low, high = scale.work_range.low / scale.work, scale.work_range.high / scale.work
    interval = None
    if len(known) == len(bounds):
        interval = Interval(min(bound.low for bound in known) / high, min(bound.high for bound in known) / low)
    elif high > low:
        interval = Interval(rate / high, rate / low)
    return Capacity(rate, at_least, interval, "" if at_least else tag)


def highest_within(rates: Values, values: Values, limit: float) -> tuple[float, bool] | None:
    """The highest rate before the first load whose value is over the limit, on a straight line towards that load; and
    whether no load is over it. None when the first already is."""
    best: float | None = None
    for at, value in enumerate(values):
        if value <= limit * (1 + 1e-12) and value < inf:
            best = max(best or 0.0, float(rates[at]))
            continue
        if best is None:
            return None
        if value == inf:
            return best, False
        before, earlier = float(rates[at - 1]), float(values[at - 1])
        share = (limit - earlier) / (float(value) - earlier)
        return max(best, before + share * (float(rates[at]) - before)), False
    return (best, True) if best is not None else None


def latency_at(curve: LoadCurve, rate: float, tag: str, statistic: str, scale: Scale | None = None) -> float | None:
    """Milliseconds at so many requests/s: a straight line between measured loads, the lightest load's below it, None
    above the highest and where the metric is not known."""
    try:
        each = line(curve, tag, statistic, scale)
    except Unanswered:
        return None
    if rate > each.rates.max() * (1 + 1e-9):
        return None
    for at, above in enumerate(each.rates):
        if rate <= above * (1 + 1e-9):
            if at == 0:
                return _finite(float(each.values[0]))
            before = float(each.rates[at - 1])
            share = (rate - before) / (float(above) - before)
            between = float(each.values[at - 1]) + share * (float(each.values[at]) - float(each.values[at - 1]))
            return _finite(between)
    return None


def small_tails(curve: LoadCurve, statistic: str) -> bool:
    """Whether a tail percentile rests on runs of fewer than 100 requests."""
    return statistic in ("p95", "p99") and min(run.requests for run in curve.runs) < MIN_TAIL


def _bounds(each: Line, limit: float) -> Interval | None:
    if each.reach is None or each.rate_reach is None:
        return None
    slow = highest_within(each.rates * np.exp(-each.rate_reach), each.values * np.exp(each.reach), limit)
    fast = highest_within(each.rates * np.exp(each.rate_reach), each.values * np.exp(-each.reach), limit)
    return Interval(slow[0] if slow else 0.0, fast[0] if fast else 0.0)


def _reach(groups: Sequence[Sequence[float]]) -> Values | None:
    """Student's t for the mean of logs, the spread pooled over all loads; None where each has one repeat."""
    freedom = sum(len(group) - 1 for group in groups)
    if not freedom:
        return None
    squares = sum(float(((np.log(group) - np.log(group).mean()) ** 2).sum()) for group in groups)
    times = float(stdtrit(freedom, (1 + LEVEL) / 2)) * np.sqrt(squares / freedom)
    return np.asarray([times / np.sqrt(len(group)) for group in groups])


def _mean(values: Sequence[float]) -> float:
    """The geometric mean, where repeats of times and rates are centred."""
    return values[0] if len(values) == 1 else float(np.exp(np.log(values).mean()))


def _failed(level: Sequence[RunPoint]) -> float:
    return sum(run.errors for run in level) / max(1, sum(run.requests for run in level))


def _allowed(statistic: str) -> float:
    return FAILED_AT_MEAN if statistic == "mean" else 1 - float(statistic[1:]) / 100


def _finite(value: float) -> float | None:
    return value if value < inf else None


def _too_slow(curve: LoadCurve, tag: str, statistic: str, each: Line, limit: float) -> str:
    metric, rate, value = BY_TAG[tag], float(each.rates[0]), float(each.values[0])
    load = "the only measured load" if curve.is_point else "even the lightest measured load"
    if value == inf:
        return f"at {load}, {rate:.3g} requests/s, too many requests failed"
    return (
        f"{load}, {rate:.3g} requests/s, has a {metric.title} {statistic} of {value:,.{metric.digits}f} ms, "
        f"{value / limit:.2g}x the limit of {limit:,.{metric.digits}f} ms; what a lighter load would have is not known"
    )
