"""The traffic from which own replicas are cheaper than an API, and what is between. Pure; prices are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.analysis.explain import ApiPrice
from app.analysis.scenario import Scenario
from app.analysis.what_if import DAYS, Answer, bill, rates_of, usd_per_replica_hour

STEPS = 1000
MOST_REQUESTS = 1e12


@dataclass(frozen=True)
class BreakEven:
    """`usd_per_request` is the API's price of one request and `usd` that of a month. `requests_per_day` is the least
    traffic at which own replicas cost no more, None where they never do; `least_usd_per_request` is what a request
    costs on replicas that are always full."""

    usd_per_request: float
    usd: float
    requests_per_day: float | None
    least_usd_per_request: float
    cached_is_priced: bool


def api_usd_per_request(api: ApiPrice, tokens_in: float, tokens_out: float, cached: float | None) -> float:
    """((prompt - cached) x input + cached x cached input + output x output) / 1,000,000; without a price of cached
    input, or without knowing how much is cached, all of the prompt at the input's."""
    if api.cached is None or cached is None:
        return (tokens_in * api.input + tokens_out * api.output) / 1e6
    cached = min(cached, tokens_in)
    return ((tokens_in - cached) * api.input + cached * api.cached + tokens_out * api.output) / 1e6


def break_even(scenario: Scenario, found: Answer, api: ApiPrice, cached: float | None = None) -> BreakEven | None:
    """`cached` are the prompt tokens of a request that an API is taken to serve from its cache. None without a price of
    the hardware, or where a request's tokens are not known.

    The own cost is a rising step function of the traffic, so the least traffic whose API price covers it is the limit
    of V -> own(V) / API price of a request, from V = 0 up.
    """
    if found.chosen.usd is None or found.tokens_in is None or found.tokens_out is None:
        return None
    each = api_usd_per_request(api, found.tokens_in, found.tokens_out, cached)
    price = usd_per_replica_hour(scenario, found.watts)
    assert price is not None
    least = price / 3600 / found.planned
    return BreakEven(
        each,
        each * scenario.requests_per_day * DAYS,
        None if each < least else _least_traffic(scenario, found, each),
        least,
        api.cached is not None and cached is not None,
    )


def _least_traffic(scenario: Scenario, found: Answer, each: float) -> float | None:
    traffic = 0.0
    for _ in range(STEPS):
        own = own_usd([traffic], scenario, found)[0]
        if not each or own / each / DAYS >= MOST_REQUESTS:
            return None
        needed = float(own) / each / DAYS
        if needed <= traffic * (1 + 1e-9):
            return needed
        traffic = needed
    return None


def own_usd(
    traffic: Sequence[float] | NDArray[np.float64], scenario: Scenario, found: Answer, fixed: bool | None = None
) -> NDArray[np.float64]:
    """Dollars a month for each number of requests a day; `fixed` None for the scenario's way to run replicas. The
    scenario has a price."""
    shape = rates_of(replace(scenario, requests_per_day=1.0))
    fix = scenario.replicas == "fixed" if fixed is None else fixed
    made = [bill(scenario, shape * volume, found.planned, found.watts, fix).usd for volume in traffic]
    return np.asarray(made, dtype=float)
