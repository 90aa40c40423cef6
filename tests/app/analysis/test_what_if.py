"""What a day's traffic needs: figures by hand, rules of refusal, and what must always hold."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.analysis.daily_shape import SHAPES
from app.analysis.load_curve import LoadCurve, Unanswered
from app.analysis.scenario import Scenario
from app.analysis.statistics import Interval
from app.analysis.what_if import answer, prefill_share, replicas_for, scale_of
from tests.app.analysis.curves import curve, point

FLAT = Scenario(daily_shape="flat", most_ttft=400.0, usd_per_hour=2.0)
"""A replica of `curve()` answers 3 requests/s within 400 ms, 259,200 a day."""


def test_flat_traffic_by_hand() -> None:
    found = answer(replace(FLAT, requests_per_day=600_000.0), curve())
    # 600,000 / 86,400 = 6.94 requests/s on replicas of 3: three of them, at 77 %.
    assert found.peak_replicas == 3
    assert found.chosen == found.follow
    assert found.follow.replicas.tolist() == found.fixed.replicas.tolist() == [3] * 24
    assert found.chosen.hours == pytest.approx(3 * 730)
    assert found.chosen.utilisation == pytest.approx(600_000 / 86_400 / 9)
    assert found.chosen.usd == pytest.approx(3 * 730 * 2)
    assert found.usd_per_million_tokens == pytest.approx(3 * 730 * 2 / (600_000 * 730 / 24 * 1100) * 1e6)
    # A replica gets 2.31 requests/s: from 200 ms at 2 towards 600 at 4.
    assert found.peak_latency["ttft_ms"] == pytest.approx(200 + 400 * (600_000 / 86_400 / 3 - 2) / 2)
    assert found.estimates == ()


def test_replicas_that_follow_the_hours_cost_less_than_those_of_the_peak() -> None:
    found = answer(replace(FLAT, daily_shape="office", requests_per_day=1_000_000.0), curve())
    weights = np.asarray(SHAPES["office"].weights)
    needed = np.ceil(1_000_000 * weights / weights.sum() / 3600 / 3)
    assert found.follow.replicas.tolist() == needed.tolist()
    assert found.follow.usd == pytest.approx(needed.sum() * 730 / 24 * 2)
    assert found.fixed.usd == pytest.approx(needed.max() * 730 * 2)
    assert answer(replace(FLAT, daily_shape="office", replicas="fixed"), curve()).chosen.replicas.std() == 0


def test_there_is_always_one_replica() -> None:
    found = answer(replace(FLAT, requests_per_day=1.0), curve())
    assert found.peak_replicas == 1
    assert replicas_for(np.asarray([3.0, 3.0000001, 6.0]), 3.0).tolist() == [1, 2, 2]


def test_planned_load_keeps_a_part_of_the_capacity_free() -> None:
    found = answer(replace(FLAT, requests_per_day=600_000.0, most_load=50.0), curve())
    assert [found.capacity.rate, found.planned] == pytest.approx([3, 1.5])
    assert found.peak_replicas == 5


def test_energy_is_paid_by_the_hours_of_replicas() -> None:
    watts = curve([(1, 100), (4, 300)])
    drawing = replace(watts, runs=tuple(replace(run, watts=200.0 + run.run_id) for run in watts.runs))
    plain = answer(replace(FLAT, most_ttft=300.0), drawing)
    paid = answer(replace(FLAT, most_ttft=300.0, usd_per_kwh=0.5), drawing)
    assert paid.watts == 202
    assert plain.chosen.usd == pytest.approx(730 * 2)
    assert paid.chosen.usd == pytest.approx(730 * (2 + 0.202 * 0.5))
    assert answer(replace(FLAT, usd_per_kwh=0.5, watts=1000.0), drawing).chosen.usd == pytest.approx(730 * 2.5)
    # What nobody measured or gave is not counted.
    assert answer(replace(FLAT, usd_per_kwh=0.5), curve()).chosen.usd == pytest.approx(730 * 2)


def test_without_a_price_there_are_hours_and_no_dollars() -> None:
    found = answer(replace(FLAT, usd_per_hour=None), curve())
    assert found.chosen.usd is None
    assert found.usd_per_million_tokens is None
    assert found.monthly == found.chosen.hours == pytest.approx(730)


def test_another_token_mix_is_an_estimate_by_the_shares_of_time() -> None:
    # Half of the time is prefill: twice the prompt is 1.5 times the work, and 2 times the TTFT.
    scale, said = scale_of(replace(FLAT, tokens_in=2000.0), curve())
    assert scale.work == pytest.approx(1.5)
    assert scale.latency == {"ttft_ms": 2.0, "tpot_ms": 1.5, "e2e_ms": 1.5}
    assert scale.work_range == Interval(1.5, 1.5)
    assert "1.50x the measured work" in said[0]
    found = answer(replace(FLAT, tokens_in=2000.0), curve())
    # 400 ms is a limit of 200 ms as measured, which is kept up to 2 requests/s.
    assert found.capacity.rate == pytest.approx(2 / 1.5)
    # Fewer output tokens do not make a token faster.
    assert scale_of(replace(FLAT, tokens_out=50.0), curve())[0].latency["tpot_ms"] == 1


def test_an_unmeasured_split_widens_the_range() -> None:
    known = curve()
    unknown = replace(known, runs=tuple(replace(run, prefill_share=None) for run in known.runs))
    share, measured = prefill_share(unknown)
    assert share == pytest.approx(1 / 6)
    assert not measured
    scale, said = scale_of(replace(FLAT, tokens_in=2000.0), unknown)
    assert scale.work_range == Interval(1, 2)
    assert "the range holds any split" in said[0]
    found = answer(replace(FLAT, tokens_in=2000.0, requests_per_day=1_000_000.0), unknown)
    assert found.range is not None
    assert found.range.low < found.monthly < found.range.high


@pytest.mark.parametrize(
    ("tokens", "curve_of", "reason"),
    [
        (3000.0, curve(), r"3,000 prompt tokens a request are 3x the 1,000 measured; from 500 to 2,000 \(2x"),
        (400.0, curve(), r"are 1/2.5 of the 1,000 measured"),
        (1300.0, curve([(1, 100)]), r"are 1.3x the 1,000 measured; from 800 to 1,250 \(1.25x"),
    ],
)
def test_a_token_mix_far_from_the_measured_one_is_refused(tokens: float, curve_of: LoadCurve, reason: str) -> None:
    with pytest.raises(Unanswered, match=reason):
        answer(replace(FLAT, tokens_in=tokens), curve_of)


def test_tokens_that_were_not_measured_are_not_scaled() -> None:
    bare = LoadCurve("1", "x", (point(1, 4, 100, prompt_tokens=None, output_tokens=None),), True)
    assert answer(FLAT, bare).usd_per_million_tokens is None
    with pytest.raises(Unanswered, match="how many output tokens a request had was not measured"):
        answer(replace(FLAT, tokens_out=10.0), bare)


def test_users_who_wait_for_one_another_say_less() -> None:
    found = answer(FLAT, replace(curve([(4, 100)]), is_open=False))
    assert found.planned == pytest.approx(0.7 * 4)
    assert "wait for one another" in found.estimates[0]
    assert answer(replace(FLAT, most_load=60.0), replace(curve([(4, 100)]), is_open=False)).planned == pytest.approx(
        2.4
    )


def test_the_share_of_a_prefix_adds_up_time() -> None:
    cached, uncached = curve([(1, 100), (8, 300)]), curve([(1, 100), (2, 300)])
    half = answer(replace(FLAT, most_ttft=300.0, prefix_share=50.0), cached, uncached)
    assert half.capacity.rate == pytest.approx(1 / (0.5 / 8 + 0.5 / 2))
    assert "50% of the traffic" in half.estimates[0]
    assert set(half.peak_latency.values()) == {None}
    none = answer(replace(FLAT, most_ttft=300.0, prefix_share=0.0), cached, uncached)
    assert none.capacity.rate == pytest.approx(2)
    # Without a run to interpolate to, it is as measured.
    assert answer(replace(FLAT, most_ttft=300.0, prefix_share=50.0), cached).capacity.rate == 8
    with pytest.raises(Unanswered, match="traffic without a shared prefix: the only measured load"):
        answer(replace(FLAT, prefix_share=50.0), curve(), curve([(1, 900)]))


def test_the_range_of_the_capacity_becomes_one_of_dollars() -> None:
    runs = tuple(point(at, rate, 100.0) for at, rate in enumerate((3.8, 4.2)))
    runs = tuple(replace(run, offered=4.0) for run in runs)
    found = answer(replace(FLAT, requests_per_day=3_000_000.0), LoadCurve("1", "x", runs, True))
    assert found.capacity.interval is not None
    assert found.range is not None
    low, high = found.capacity.interval.low, found.capacity.interval.high
    rate = 3_000_000 / 86_400
    assert found.range.low == pytest.approx(np.ceil(rate / high) * 730 * 2)
    assert found.range.high == pytest.approx(np.ceil(rate / low) * 730 * 2)
    unsure = LoadCurve("1", "x", (point(1, 1, 90), replace(point(2, 1, 100), offered=1)), True)
    wide = answer(replace(FLAT, most_ttft=96.0), unsure).range
    assert wide is not None
    assert wide.high == inf


scenarios = st.builds(
    Scenario,
    requests_per_day=st.floats(1, 1e9),
    daily_shape=st.sampled_from(list(SHAPES)),
    peak_to_mean=st.floats(1, 12),
    tokens_in=st.floats(500, 2000),
    tokens_out=st.floats(50, 200),
    usd_per_hour=st.floats(0.01, 100),
    most_ttft=st.floats(100, 2000),
    most_load=st.floats(10, 100),
    prefix_share=st.floats(0, 100),
    replicas=st.sampled_from(["follow", "fixed"]),
)
CACHED = curve([(1, 50), (4, 100), (10, 300)])


@given(scenarios, st.floats(1, 3), st.sampled_from(["requests_per_day", "usd_per_hour"]))
def test_more_traffic_or_a_higher_price_never_costs_less(scenario: Scenario, factor: float, name: str) -> None:
    _never_less(scenario, name, factor)


@given(scenarios, st.floats(1, 2), st.sampled_from(["tokens_in", "tokens_out"]))
def test_more_tokens_never_cost_less(scenario: Scenario, factor: float, name: str) -> None:
    assume(getattr(scenario, name) * factor <= (2000 if name == "tokens_in" else 200))
    _never_less(scenario, name, factor)


@given(scenarios, st.floats(0.5, 1), st.sampled_from(["most_ttft", "most_load", "prefix_share"]))
def test_a_tighter_limit_less_load_or_less_sharing_never_costs_less(
    scenario: Scenario, factor: float, name: str
) -> None:
    assume(name != "most_load" or scenario.most_load * factor >= 10)
    _never_less(scenario, name, factor)


def _never_less(scenario: Scenario, name: str, factor: float) -> None:
    try:
        before = answer(scenario, CACHED, curve([(1, 100), (4, 400)]))
        after = answer(
            replace(scenario, **{name: getattr(scenario, name) * factor}), CACHED, curve([(1, 100), (4, 400)])
        )
    except Unanswered:
        assume(False)
        return
    assert after.monthly >= before.monthly * (1 - 1e-9)


@given(scenarios)
def test_what_always_holds_of_an_answer(scenario: Scenario) -> None:
    try:
        found = answer(scenario, CACHED, curve([(1, 100), (4, 400)]))
    except Unanswered:
        assume(False)
        return
    assert found.planned <= CACHED.highest_rate * 2 * 2
    assert (found.follow.replicas * found.planned >= found.rates * (1 - 1e-6)).all()
    assert 0 < found.fixed.utilisation <= found.follow.utilisation * (1 + 1e-9) <= 1 + 1e-6
    assert found.follow.usd is not None
    assert found.fixed.usd is not None
    assert found.follow.usd <= found.fixed.usd * (1 + 1e-9)
