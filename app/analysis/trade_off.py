"""What a recipe costs beside what it gives up: points with intervals, the front that none dominates, and limits. Pure.

Cost is a multiple of the baseline's hardware time for a request; latencies are p95 over all repeats' requests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from app.analysis.compare import RungData
from app.analysis.statistics import LEVEL, Interval
from app.analysis.summary import LATENCIES, latencies_of
from app.analysis.sweep import limit_parts
from optimizers.errors import InputError

QUALITY = "quality"
TAIL = 0.95
Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Figure:
    value: float
    interval: Interval | None = None


@dataclass(frozen=True)
class Point:
    """A side's figures by name: "cost" (baseline = 1), "quality" in percent, and each latency's p95 in ms. One that is
    not known is not there."""

    name: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    key: str = ""
    """As in `3.2`: experiment and rung."""

    def value(self, tag: str) -> float | None:
        return self.figures[tag].value if tag in self.figures else None


@dataclass(frozen=True)
class Limits:
    """`most` is the largest p95 by latency, in ms; `least_quality` in percent."""

    most: Mapping[str, float] = field(default_factory=dict)
    least_quality: float | None = None

    def __str__(self) -> str:
        """As people type it, and `read` reads it."""
        return ",".join(f"{tag}={limit:.15g}" for tag, limit in self.all())

    @staticmethod
    def read(text: str, where: str = "--limits") -> Limits:
        """From `ttft_ms=500,quality=90`; none from nothing. Raises InputError, which begins with `where`, for another
        name, and for what is no number of milliseconds or percent."""
        found: dict[str, float] = {}
        for part, tag, value in limit_parts(text):
            if tag not in (*LATENCIES, QUALITY):
                raise InputError(f"{where} {part}: use one of: {', '.join((*LATENCIES, QUALITY))}, as in ttft_ms=500")
            try:
                found[tag] = float(value)
            except ValueError:
                found[tag] = math.nan
            fits, wanted = (
                (0 <= found[tag] <= 100, "percent from 0 to 100, as in quality=90")
                if tag == QUALITY
                else (0 < found[tag] < math.inf, "milliseconds above 0, as in ttft_ms=500")
            )
            if not fits:
                raise InputError(f"{where} {part}: give a number of {wanted}")
        return Limits({tag: limit for tag, limit in found.items() if tag != QUALITY}, found.get(QUALITY))

    @property
    def any(self) -> bool:
        return bool(self.most) or self.least_quality is not None

    def broken_by(self, point: Point) -> tuple[str, ...]:
        """The figures that do not keep their limit; one that is not known does not."""
        return tuple(tag for tag, limit in self.all() if not _keeps(point.value(tag), tag, limit))

    def unsure_of(self, point: Point) -> tuple[str, ...]:
        """The figures whose interval holds their limit: more requests could tell otherwise."""
        return tuple(
            tag
            for tag, limit in self.all()
            if tag in point.figures
            and (held := point.figures[tag].interval) is not None
            and held.low < limit < held.high
        )

    def all(self) -> list[tuple[str, float]]:
        """By name, quality last."""
        quality = [] if self.least_quality is None else [(QUALITY, self.least_quality)]
        return [*self.most.items(), *quality]


def front(points: Sequence[Point], axes: Mapping[str, Better]) -> list[Point]:
    """The points that no other point dominates, by growing value of the first axis: none is at least as good on every
    axis and better on one. Points that lack a figure are left out; of equal points all stay."""
    whole = [point for point in points if all(tag in point.figures for tag in axes)]
    scaled = {
        point.name: [
            point.figures[tag].value * (1 if better == "lower" else -1) for tag, better in axes.items()
        ]
        for point in whole
    }  # fmt: skip
    first = next(iter(axes))
    kept = [
        point
        for point in whole
        if not any(_dominates(scaled[other.name], scaled[point.name]) for other in whole if other is not point)
    ]
    return sorted(kept, key=lambda point: point.figures[first].value)


def latency_figures(side: RungData) -> dict[str, Figure]:
    """The p95 of each latency over the answered requests of all repeats."""
    records = [record for repeat in side.repeats for _, record in repeat]
    found = {tag: latencies_of(records, tag) for tag in LATENCIES}
    return {tag: Figure(float(np.quantile(ms, TAIL)), tail_interval(ms)) for tag, ms in found.items() if ms}


def tail_interval(values: Sequence[float]) -> Interval | None:
    """95 % interval of the p95 by order statistics, which supposes no distribution; None where there are too few values
    for its upper end (below 72). Requests are taken as independent.

    Source: David and Nagaraja (2003), Order Statistics, section 7.1.
    """
    # scipy.stats takes longer to import than most commands to run.
    from scipy.stats import binom

    count = len(values)
    low = int(binom.ppf((1 - LEVEL) / 2, count, TAIL))
    high = int(binom.ppf((1 + LEVEL) / 2, count, TAIL)) + 1
    if low < 1 or high > count:
        return None
    ordered = np.sort(np.asarray(values, dtype=float))
    return Interval(float(ordered[low - 1]), float(ordered[high - 1]))


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


def _keeps(value: float | None, tag: str, limit: float) -> bool:
    if value is None:
        return False
    return value >= limit if tag == QUALITY else value <= limit
