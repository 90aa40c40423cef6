"""Break-even against an API, by hand and as it must always be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.analysis.break_even import api_usd_per_request, break_even, own_usd
from app.analysis.explain import ApiPrice
from app.analysis.scenario import Scenario
from app.analysis.what_if import answer
from tests.app.analysis.curves import curve

FLAT = Scenario(daily_shape="flat", most_ttft=400.0, usd_per_hour=2.0)
API = ApiPrice("m", "somebody", 1.0, 0.1, 10.0)


def test_an_api_request_by_hand() -> None:
    assert api_usd_per_request(API, 1000, 100, None) == pytest.approx(0.002)
    assert api_usd_per_request(API, 1000, 100, 500) == pytest.approx(0.00155)
    assert api_usd_per_request(replace(API, cached=None), 1000, 100, 500) == pytest.approx(0.002)
    assert api_usd_per_request(API, 1000, 100, 5000) == pytest.approx(0.0011)


def test_break_even_by_hand() -> None:
    # 1,000 prompt tokens and 100 of output are $0.002 a request; one replica is $1,460 a month of 730 hours.
    found = break_even(FLAT, answer(FLAT, curve()), API)
    assert found is not None
    assert found.usd_per_request == pytest.approx(0.002)
    assert found.usd == pytest.approx(0.002 * 100_000 * 730 / 24)
    assert found.requests_per_day == pytest.approx(2 * 24 / 0.002)
    assert found.least_usd_per_request == pytest.approx(2 / 3600 / 3)
    assert not found.cached_is_priced


def test_an_api_that_costs_less_than_full_replicas_is_never_reached() -> None:
    # A full replica answers a request for $0.000185.
    cheap = ApiPrice("m", "somebody", 0.1, None, 0.8)
    found = break_even(FLAT, answer(FLAT, curve()), cheap)
    assert found is not None
    assert found.usd_per_request == pytest.approx(0.00018)
    assert found.requests_per_day is None
    free = break_even(FLAT, answer(FLAT, curve()), ApiPrice("m", "somebody", 0.0, None, 0.0))
    assert free is not None
    assert free.requests_per_day is None


def test_without_a_price_there_is_no_break_even() -> None:
    scenario = replace(FLAT, usd_per_hour=None)
    assert break_even(scenario, answer(scenario, curve()), API) is None


def test_free_hardware_always_pays() -> None:
    scenario = replace(FLAT, usd_per_hour=0.0)
    found = break_even(scenario, answer(scenario, curve()), API)
    assert found is not None
    assert found.requests_per_day == 0


@given(
    st.floats(0.01, 50),
    st.floats(0.05, 20),
    st.sampled_from(["flat", "office", "evening"]),
    st.sampled_from(["follow", "fixed"]),
)
def test_break_even_is_the_least_traffic_at_which_replicas_cost_no_more(
    price: float, per_million: float, shape: str, replicas: str
) -> None:
    scenario = Scenario(daily_shape=shape, most_ttft=400.0, usd_per_hour=price, replicas=replicas)  # type: ignore[arg-type]
    answered = answer(scenario, curve())
    found = break_even(scenario, answered, ApiPrice("m", "somebody", per_million, None, 0.0))
    assert found is not None
    assume(found.requests_per_day is not None)
    assert found.requests_per_day is not None
    at = [found.requests_per_day * factor for factor in (0.25, 0.5, 0.9, 0.999, 1.001)]
    own = own_usd(at, scenario, answered)
    api = [found.usd_per_request * volume * 730 / 24 for volume in at]
    assert all(ours > theirs for ours, theirs in zip(own[:-1], api[:-1], strict=True))
    assert own[-1] <= api[-1] * 1.01
