"""A load sweep: the same recipe under growing load -> throughput, goodput, the knee, the highest load within limits.

Pure. Requests of all repeats of a load are taken together; a failed request meets no limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.analysis.statistics import Interval, distribution, median_interval, wilson_interval
from app.analysis.summary import LATENCIES, CountedRecord, latencies_of, run_seconds
from app.replay.record import RequestRecord
from optimizers.errors import InputError

SHARE = 0.95
LEAST_FOR_KNEE = 4


def limit_parts(text: str) -> Iterator[tuple[str, str, str]]:
    """Of `ttft_ms=500,tpot_ms=50` each part whole, its name and its value as text."""
    for part in filter(None, (part.strip() for part in text.split(","))):
        tag, _, value = (word.strip() for word in part.partition("="))
        yield part, tag, value


@dataclass(frozen=True)
class Slo:
    """Limits in milliseconds by metric; a request is good when it keeps them all. One without content has no TTFT and
    keeps no limit on it; one of a single token has no TPOT and keeps any. `share` of the requests have to be good for a
    load to be within the SLO."""

    limits: Mapping[str, float]
    share: float = SHARE

    def __post_init__(self) -> None:
        for tag, limit in self.limits.items():
            if tag not in LATENCIES:
                raise InputError(f"there is no limit on {tag!r}; use one of: {', '.join(LATENCIES)}")
            if not 0 < limit < math.inf:
                raise InputError(f"a limit of {limit:g} was given for {tag}; give more than 0 milliseconds")

    def __str__(self) -> str:
        """As people type it, and `read` reads it."""
        return ",".join(f"{tag}={limit:.15g}" for tag, limit in self.limits.items())

    def met(self, record: RequestRecord) -> bool:
        if not record.ok:
            return False
        if record.first_token_ns is None and "ttft_ms" in self.limits:
            return False
        found = ((LATENCIES[tag](record), limit) for tag, limit in self.limits.items())
        return all(value is None or value <= limit for value, limit in found)

    @staticmethod
    def read(text: str, where: str = "--slo") -> Slo:
        """From `ttft_ms=500,tpot_ms=50`. Raises InputError, which begins with `where`, for another metric, no number or
        no limit at all."""
        limits: dict[str, float] = {}
        for part, tag, value in limit_parts(text):
            try:
                limits |= Slo({tag: float(value)}).limits
            except InputError as error:
                raise InputError(f"{where} {part}: {error}") from None
            except ValueError:
                raise InputError(f"{where} {part}: give a number of milliseconds, as in ttft_ms=500") from None
        if not limits:
            raise InputError(f"{where}: give at least one limit, as in ttft_ms=500")
        return Slo(limits)


@dataclass(frozen=True)
class Load:
    """One load of the sweep as measured: `repeats` are its runs' requests. `offered` is requests/s or requests in
    flight, whichever the sweep varies."""

    offered: float
    repeats: tuple[Sequence[CountedRecord], ...]


@dataclass(frozen=True)
class Point:
    """What came of one load. `good_share` and its interval are None without an SLO; `goodput` is good requests/s."""

    offered: float
    requests: int
    errors: int
    requests_per_s: float | None
    output_tokens_per_s: float | None
    ttft_ms: Mapping[str, float | None]
    ttft_interval: Interval | None
    tpot_ms: Mapping[str, float | None]
    e2e_ms: Mapping[str, float | None]
    goodput: float | None
    good_share: float | None
    good_interval: Interval | None


@dataclass(frozen=True)
class Sweep:
    """`points` by growing load. `knee` and `highest` are offered loads, None where there is none; `reason` says why
    there is no highest load within the SLO, or that it may be higher than the sweep went."""

    points: tuple[Point, ...]
    knee: float | None
    highest: float | None
    reason: str


def sweep(loads: Sequence[Load], slo: Slo | None = None) -> Sweep:
    """Loads without a finished run are left out."""
    points = tuple(_point(load, slo) for load in sorted(loads, key=lambda load: load.offered) if load.repeats)
    highest, reason = _highest(points, slo)
    return Sweep(points, knee(points), highest, reason)


def knee(points: Sequence[Point]) -> float | None:
    """The load behind which latency grows faster than throughput: where the normalized curve of p95 end-to-end latency
    over throughput is farthest below its chord. None for fewer than four loads, or where latency does not bend.

    Source: Satopaa et al. 2011, Finding a "Kneedle" in a Haystack, section III, for a convex rising curve.
    """
    known = [(p.requests_per_s, p.e2e_ms["p95"], p.offered) for p in points]
    curve = [(x, y, load) for x, y, load in known if x is not None and y is not None]
    if len(curve) < LEAST_FOR_KNEE:
        return None
    lows, highs = [min(c[i] for c in curve) for i in (0, 1)], [max(c[i] for c in curve) for i in (0, 1)]
    if highs[0] <= lows[0] or highs[1] <= lows[1]:
        return None
    below = [
        ((x - lows[0]) / (highs[0] - lows[0]) - (y - lows[1]) / (highs[1] - lows[1]), load) for x, y, load in curve
    ]
    distance, load = max(below, key=lambda found: found[0])
    return load if distance > 0.1 else None


def _point(load: Load, slo: Slo | None) -> Point:
    records = [record for repeat in load.repeats for _, record in repeat]
    answered = [record for record in records if record.ok]
    seconds = sum(run_seconds(repeat) for repeat in load.repeats if repeat)
    good = sum(slo.met(record) for record in records) if slo else None
    tokens = sum(record.completion_tokens or 0 for record in answered)
    times = {tag: latencies_of(answered, tag) for tag in LATENCIES}
    share = good / len(records) if good is not None and records else None
    return Point(
        offered=load.offered,
        requests=len(records),
        errors=len(records) - len(answered),
        requests_per_s=len(answered) / seconds if seconds and answered else None,
        output_tokens_per_s=tokens / seconds if seconds and tokens else None,
        ttft_ms=distribution(times["ttft_ms"]),
        ttft_interval=median_interval(times["ttft_ms"]),
        tpot_ms=distribution(times["tpot_ms"]),
        e2e_ms=distribution(times["e2e_ms"]),
        goodput=good / seconds if good is not None and seconds else None,
        good_share=share,
        good_interval=None if share is None else wilson_interval(share, len(records)),
    )


def _highest(points: Sequence[Point], slo: Slo | None) -> tuple[float | None, str]:
    if slo is None or not slo.limits:
        return None, "no SLO was given"
    highest: float | None = None
    for point in points:
        if (point.good_share or 0.0) < slo.share:
            break
        highest = point.offered
    if highest is None:
        return None, "not even the lowest load is within the SLO"
    if highest == points[-1].offered:
        return highest, "every load is within the SLO: the highest may lie beyond this sweep"
    return highest, ""
