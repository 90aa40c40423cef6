"""Load curves: the highest load within limits, how sure it is, and where it is not answered."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from app.analysis.load_curve import (
    LoadCurve,
    Scale,
    Unanswered,
    capacity,
    highest_within,
    latency_at,
    line,
    small_tails,
)
from app.analysis.statistics import Interval
from tests.app.analysis.curves import curve, point


def test_between_two_loads_latency_is_a_straight_line() -> None:
    found = capacity(curve(), {"ttft_ms": 400}, "p95")
    assert found.rate == pytest.approx(3)
    assert (found.at_least, found.limit, found.interval) == (False, "ttft_ms", None)


def test_the_tightest_limit_counts() -> None:
    # End to end is 500 ms more: 1,100 at 4 requests/s, so 900 is reached halfway from 2 to 4.
    found = capacity(curve(), {"ttft_ms": 550, "e2e_ms": 900}, "p95")
    assert found.rate == pytest.approx(3)
    assert found.limit == "e2e_ms"


def test_nothing_is_said_beyond_the_highest_load() -> None:
    found = capacity(curve(), {"ttft_ms": 10_000}, "p95")
    assert (found.rate, found.at_least, found.limit) == (4, True, "")
    assert capacity(curve(), {}, "p95").rate == 4


def test_nothing_is_said_below_the_lightest_load() -> None:
    with pytest.raises(Unanswered, match=r"1 requests/s, has a TTFT p95 of 100 ms, 2x the limit of 50 ms"):
        capacity(curve(), {"ttft_ms": 50}, "p95")
    with pytest.raises(Unanswered, match="the only measured load"):
        capacity(curve([(1, 100)]), {"ttft_ms": 50}, "p95")


def test_a_load_that_failed_too_often_is_beyond_every_limit() -> None:
    runs = (point(1, 1, 100), point(2, 2, 110, errors=11), point(3, 4, 120))
    assert capacity(LoadCurve("1", "x", runs, True), {"ttft_ms": 500}, "p95").rate == 1
    assert capacity(LoadCurve("1", "x", runs, True), {}, "p95").rate == 1
    # 11 of 200 are within what the median leaves out.
    assert capacity(LoadCurve("1", "x", runs, True), {"ttft_ms": 500}, "p50").rate == 4
    with pytest.raises(Unanswered, match="too many requests failed"):
        capacity(LoadCurve("1", "x", (point(1, 1, 100, errors=50),), True), {"ttft_ms": 500}, "p95")


def test_a_metric_that_was_not_measured_is_named() -> None:
    bare = LoadCurve("1", "1 · Imported", (point(1, 1, 100),), True)
    with pytest.raises(Unanswered, match=r"End to end p42 was not measured in 1 · Imported"):
        line(bare, "e2e_ms", "p42")


def test_repeats_tell_how_sure_the_highest_load_is() -> None:
    levels = {1.0: (100, 121), 2.0: (200, 242), 4.0: (600, 726)}
    runs = [
        point(at, rate, value)
        for rate, values in levels.items()
        for at, value in enumerate(values, start=int(rate * 10))
    ]
    found = capacity(LoadCurve("1", "x", tuple(runs), True), {"ttft_ms": 440}, "p95")
    # Each pair is 10 % off its geometric mean: 110, 220 and 660.
    assert found.rate == pytest.approx(3)
    reach = t.ppf(0.975, 3) * sqrt(2) * log(1.1) / sqrt(2)
    slower = 2 + 2 * (440 / exp(reach) - 220) / 440
    faster = min(4.0, 2 + 2 * (440 * exp(reach) - 220) / 440)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(slower)
    assert found.interval.high == pytest.approx(faster)


def test_where_the_lightest_load_may_be_too_much_the_range_begins_at_0() -> None:
    runs = tuple(point(at, 1, value) for at, value in enumerate((90, 100)))
    found = capacity(LoadCurve("1", "x", runs, True), {"ttft_ms": 96}, "p95")
    assert found.interval is not None
    assert found.interval.low == 0


def test_latency_at_a_load() -> None:
    assert latency_at(curve(), 3, "ttft_ms", "p95") == pytest.approx(400)
    assert latency_at(curve(), 0.2, "ttft_ms", "p95") == 100
    assert latency_at(curve(), 4, "ttft_ms", "p95") == 600
    assert latency_at(curve(), 4.1, "ttft_ms", "p95") is None
    assert latency_at(curve(), 3, "ttft_ms", "p42") is None


def test_a_heavier_request_makes_the_same_curve_slower_and_lower() -> None:
    scale = Scale(2.0, {"ttft_ms": 2.0}, Interval(1.5, 2.5))
    found = capacity(curve(), {"ttft_ms": 800}, "p95", scale)
    assert found.rate == pytest.approx(1.5)
    assert found.interval is not None
    assert found.interval.to_json() == pytest.approx([1.2, 2.0])
    assert latency_at(curve(), 1.5, "ttft_ms", "p95", scale) == pytest.approx(800)


def test_tails_of_few_requests_are_known() -> None:
    assert not small_tails(curve(), "p95")
    few = LoadCurve("1", "x", (point(1, 1, 100, requests=32),), True)
    assert small_tails(few, "p95")
    assert not small_tails(few, "p50")


@given(
    st.lists(st.tuples(st.floats(0.1, 100), st.floats(1, 1e5)), min_size=1, max_size=8),
    st.floats(1, 1e5),
    st.floats(1, 3),
)
def test_a_looser_limit_never_allows_less_and_never_more_than_was_measured(
    points: list[tuple[float, float]], limit: float, looser: float
) -> None:
    rates, values = (np.asarray(each) for each in zip(*points, strict=True))
    tight, loose = highest_within(rates, values, limit), highest_within(rates, values, limit * looser)
    if tight is not None:
        assert loose is not None
        assert tight[0] <= loose[0] * (1 + 1e-9)
        assert loose[0] <= rates.max() * (1 + 1e-9)
