"""What a day's traffic would need of one recipe: replicas by the hour, utilisation and $ a month. Pure.

An estimate: it rests on a measured load curve of one replica and says what it assumes. Where the question lies too far
from what was measured it raises Unanswered, which says how far. The rules and why they are so:
docs/design/017-what-if.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from app.analysis.daily_shape import HOURS, MONTH_HOURS, hourly_shares
from app.analysis.load_curve import Capacity, LoadCurve, Scale, Unanswered, capacity, latency_at
from app.analysis.scenario import Scenario
from app.analysis.statistics import Interval
from app.analysis.summary import LATENCIES

MIX_CURVE, MIX_POINT = 2.0, 1.25
CLOSED_LOOP_LOAD = 0.7
DAYS = MONTH_HOURS / HOURS

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Bill:
    """Replicas for the 24 hours and what they cost. `utilisation` is the share of the capacity of all replica hours
    that is used; dollars are a month's, None without a price."""

    replicas: Counts
    hours: float
    utilisation: float
    usd: float | None


@dataclass(frozen=True)
class Answer:
    """`capacity` is a replica's highest load within the limits, `planned` what of it is used, in requests/s. `follow`
    and `fixed` are the two ways to run replicas, `chosen` the scenario's. `range` is the chosen one's dollars a month
    (hours of hardware a month without a price) over the interval of the capacity, None where that is not known; its
    `high` is infinite where the lightest load may already be too much. Tokens are a request's; `cached_tokens` of its
    prompt came from the prefix cache."""

    curve: LoadCurve
    capacity: Capacity
    planned: float
    rates: Counts
    follow: Bill
    fixed: Bill
    chosen: Bill
    range: Interval | None
    usd_per_million_tokens: float | None
    peak_latency: dict[str, float | None]
    tokens_in: float | None
    tokens_out: float | None
    cached_tokens: float | None
    watts: float | None
    estimates: tuple[str, ...]

    @property
    def peak_replicas(self) -> int:
        return int(self.follow.replicas.max())

    @property
    def monthly(self) -> float:
        """What sensitivity and range are told in: dollars, or hours of hardware without a price."""
        return self.chosen.hours if self.chosen.usd is None else self.chosen.usd


def answer(scenario: Scenario, curve: LoadCurve, uncached: LoadCurve | None = None) -> Answer:
    """`uncached` is the same recipe measured without prefix caching, None where there is none. Raises Unanswered."""
    scale, estimates = scale_of(scenario, curve)
    found = capacity(curve, scenario.limits, scenario.percentile, scale)
    share = scenario.prefix_share / 100
    blended = share < 1 and uncached is not None
    if blended and uncached is not None:
        found = _blended(found, _without_cache(scenario, uncached), share)
        estimates.append(
            f"{share:.0%} of the traffic takes the time of the run with prefix caching, the rest of the run without"
        )
    planned, why = _planned(scenario, curve, found)
    estimates += why
    rates = rates_of(scenario)
    watts = scenario.watts if scenario.watts is not None else drawn(curve)
    follow, fixed = (bill(scenario, rates, planned, watts, fix) for fix in (False, True))
    chosen = fixed if scenario.replicas == "fixed" else follow
    tokens_in, tokens_out = mix_of(scenario, curve)
    each_replica = float(rates.max()) / float(follow.replicas.max())
    return Answer(
        curve=curve,
        capacity=found,
        planned=planned,
        rates=rates,
        follow=follow,
        fixed=fixed,
        chosen=chosen,
        range=_range(scenario, rates, planned, watts, found),
        usd_per_million_tokens=_per_million(scenario, chosen.usd, tokens_in, tokens_out),
        peak_latency={
            tag: None if blended else latency_at(curve, each_replica, tag, scenario.percentile, scale)
            for tag in LATENCIES
        },
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cached_tokens=_scaled(curve.mean("cached_tokens"), tokens_in, curve.mean("prompt_tokens"), share),
        watts=watts,
        estimates=tuple(estimates),
    )


def rates_of(scenario: Scenario) -> Counts:
    """Requests/s in each hour of the day."""
    return scenario.requests_per_day * hourly_shares(scenario.daily_shape, scenario.peak_to_mean) / 3600


def replicas_for(rates: Counts, each: float) -> Counts:
    """The fewest replicas of so many requests/s for each hour; never less than one."""
    return np.maximum(1.0, np.ceil(rates / each - 1e-9))


def bill(scenario: Scenario, rates: Counts, each: float, watts: float | None, fixed: bool) -> Bill:
    needed = replicas_for(rates, each)
    replicas = np.full(HOURS, needed.max()) if fixed else needed
    hours = float(replicas.sum()) * DAYS
    price = usd_per_replica_hour(scenario, watts)
    used = float(rates.sum()) / (float(replicas.sum()) * each)
    return Bill(replicas, hours, used, None if price is None else price * hours)


def usd_per_replica_hour(scenario: Scenario, watts: float | None) -> float | None:
    """price + W / 1,000 x $/kWh; energy counts where its price and the power are known. None without a price."""
    if scenario.usd_per_hour is None:
        return None
    if scenario.usd_per_kwh is None or watts is None:
        return scenario.usd_per_hour
    return scenario.usd_per_hour + watts / 1000 * scenario.usd_per_kwh


def mix_of(scenario: Scenario, curve: LoadCurve) -> tuple[float | None, float | None]:
    """Prompt and output tokens of a request: those asked for, else those measured."""
    return scenario.tokens_in or curve.mean("prompt_tokens"), scenario.tokens_out or curve.mean("output_tokens")


def scale_of(scenario: Scenario, curve: LoadCurve) -> tuple[Scale, list[str]]:
    """The factors of another token mix, and what is assumed for it. Raises Unanswered for one that is too far away.

    A request's work is prefill x (prompt tokens / measured) + decode x (output tokens / measured), the two by their
    measured shares of the time. A server whose every request takes w times the work answers 1 / w of the rate at the
    same utilisation. Latencies there grow with the work, TTFT with the prompt if that grows more; TPOT is never taken
    to fall.
    """
    most = MIX_POINT if curve.is_point else MIX_CURVE
    ratios = {
        "prompt": _ratio("prompt", scenario.tokens_in, curve.mean("prompt_tokens"), most),
        "output": _ratio("output", scenario.tokens_out, curve.mean("output_tokens"), most),
    }
    sent, written = ratios["prompt"], ratios["output"]
    if sent == written == 1:
        return Scale(), []
    share, measured = prefill_share(curve)
    work = share * sent + (1 - share) * written
    span = Interval(work, work) if measured else Interval(min(sent, written), max(sent, written))
    said = f"{share:.0%} of a request's time is prefill, by " + (
        "the engine's own times" if measured else "TTFT over end to end, so the range holds any split"
    )
    estimates = [f"another token mix: a request takes {work:.2f}x the measured work ({said})"]
    latency = {"ttft_ms": max(work, sent), "tpot_ms": max(work, 1.0), "e2e_ms": work}
    return Scale(work, latency, span), estimates


def prefill_share(curve: LoadCurve) -> tuple[float, bool]:
    """Prefill's share of a request's time at the lightest load, and whether the engine measured it; else TTFT over end
    to end, or a half where neither is known."""
    known = [run.prefill_share for run in curve.lightest if run.prefill_share is not None]
    if known:
        return sum(known) / len(known), True
    for run in curve.lightest:
        first, whole = run.latency.get(("ttft_ms", "mean")), run.latency.get(("e2e_ms", "mean"))
        if first is not None and whole:
            return min(1.0, first / whole), False
    return 0.5, False


def drawn(curve: LoadCurve) -> float | None:
    """Watts as measured, at the load that drew most."""
    return max((run.watts for run in curve.runs if run.watts is not None), default=None)


def _ratio(kind: str, asked: float | None, measured: float | None, most: float) -> float:
    if asked is None:
        return 1.0
    if not measured:
        raise Unanswered(f"how many {kind} tokens a request had was not measured, so another number cannot be answered")
    ratio = asked / measured
    if not 1 / most - 1e-9 <= ratio <= most + 1e-9:
        far = f"{ratio:.2g}x" if ratio > 1 else f"1/{1 / ratio:.2g} of"
        raise Unanswered(
            f"{asked:,.0f} {kind} tokens a request are {far} the {measured:,.0f} measured; from {measured / most:,.0f} "
            f"to {measured * most:,.0f} ({most:g}x either way) can be answered"
        )
    return ratio


def _planned(scenario: Scenario, curve: LoadCurve, found: Capacity) -> tuple[float, list[str]]:
    asked = scenario.most_load / 100
    if curve.is_open or asked <= CLOSED_LOOP_LOAD:
        return found.rate * asked, []
    why = (
        f"measured with users who wait for one another: at most {CLOSED_LOOP_LOAD:.0%} of that load is planned, and "
        "the latency of requests that come by themselves was not measured"
    )
    return found.rate * CLOSED_LOOP_LOAD, [why]


def _without_cache(scenario: Scenario, uncached: LoadCurve) -> Capacity:
    try:
        return capacity(uncached, scenario.limits, scenario.percentile, scale_of(scenario, uncached)[0])
    except Unanswered as refused:
        raise Unanswered(f"traffic without a shared prefix: {refused}") from None


def _blended(cached: Capacity, uncached: Capacity, share: float) -> Capacity:
    """A request's share of a replica is 1 / capacity, and shares add up."""

    def rate(one: float, other: float) -> float:
        return 1 / (share / one + (1 - share) / other) if one and other else 0.0

    interval = None
    if cached.interval is not None and uncached.interval is not None:
        interval = Interval(
            rate(cached.interval.low, uncached.interval.low), rate(cached.interval.high, uncached.interval.high)
        )
    slower = cached if cached.rate < uncached.rate else uncached
    return Capacity(rate(cached.rate, uncached.rate), cached.at_least and uncached.at_least, interval, slower.limit)


def _range(scenario: Scenario, rates: Counts, planned: float, watts: float | None, found: Capacity) -> Interval | None:
    if found.interval is None:
        return None

    def monthly(rate: float) -> float:
        if not rate:
            return inf
        made = bill(scenario, rates, rate * planned / found.rate, watts, scenario.replicas == "fixed")
        return made.hours if made.usd is None else made.usd

    return Interval(monthly(found.interval.high), monthly(found.interval.low))


def _per_million(
    scenario: Scenario, usd: float | None, tokens_in: float | None, tokens_out: float | None
) -> float | None:
    if usd is None or tokens_in is None or tokens_out is None:
        return None
    return usd / (scenario.requests_per_day * DAYS * (tokens_in + tokens_out)) * 1e6


def _scaled(value: float | None, asked: float | None, measured: float | None, share: float) -> float | None:
    return None if value is None or asked is None or not measured else value * asked / measured * share
