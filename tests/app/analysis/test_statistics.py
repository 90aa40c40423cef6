"""Percentiles and the paired bootstrap: known answers, coverage, and values that are missing."""

from __future__ import annotations

from collections.abc import Callable
from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_ind

from app.analysis.resampling import Matrix
from app.analysis.statistics import (
    Estimate,
    Interval,
    adjusted,
    contrast,
    distribution,
    ecdf,
    log_draws,
    mean_interval,
    median_interval,
    paired_share_difference,
    sign_test,
    wilson_interval,
)


def mean(drawn: Matrix) -> Matrix:
    return np.asarray(np.nanmean(drawn, axis=(1, 2)))


def median(drawn: Matrix) -> Matrix:
    return np.asarray(np.nanmedian(drawn, axis=(1, 2)))


def test_percentiles_are_interpolated() -> None:
    expected = {"mean": 2.5, "p50": 2.5, "p95": 3.85, "p99": 3.97}
    assert distribution([4.0, 1.0, 3.0, 2.0]) == pytest.approx(expected)
    assert distribution([5.0]) == {"mean": 5.0, "p50": 5.0, "p95": 5.0, "p99": 5.0}


def test_the_ecdf_climbs_to_one_by_the_share_of_each_value() -> None:
    assert ecdf([3.0, 1.0, 3.0, 2.0]) == [(1.0, 0.25), (2.0, 0.5), (3.0, 1.0)]
    assert ecdf([]) == []


def test_nothing_measured_is_none_and_not_zero() -> None:
    assert distribution([]) == {"mean": None, "p50": None, "p95": None, "p99": None}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_percentiles_are_in_order_and_within_the_values(values: list[float]) -> None:
    found = distribution(values)
    p50, p95, p99 = (found[name] or 0.0 for name in ("p50", "p95", "p99"))
    slack = 1e-6 * max(values, default=0.0) + 1e-9
    assert min(values) - slack <= p50 <= p95 + slack <= p99 + 2 * slack <= max(values) + 3 * slack


def ratio_interval(
    before: Matrix, after: Matrix, statistic: Callable[[Matrix], Matrix], seed: int = 0
) -> Interval | None:
    found = contrast((before, after), (-1, 1), statistic, seed)
    return None if found is None else Interval(exp(found.interval.low), exp(found.interval.high))


def noisy(rng: np.random.Generator, repeats: int = 3, prompts: int = 40, factor: float = 1.0) -> Matrix:
    """Prompts of different sizes, the same on both sides, with the machine's noise on top."""
    sizes = np.linspace(50, 400, prompts)
    return np.asarray(sizes * factor * rng.lognormal(0, 0.05, (repeats, prompts)))


def test_a_known_effect_lies_in_its_interval_about_as_often_as_promised() -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for seed in range(60):
        interval = ratio_interval(noisy(rng), noisy(rng, factor=0.8), mean, seed)
        assert interval is not None
        hits += interval.low <= 0.8 <= interval.high
    # 57 of 60 are promised; resampling prompts with all of their size makes it wider, never much narrower.
    assert hits >= 53


def test_pairing_sees_through_the_difference_between_prompts() -> None:
    rng = np.random.default_rng(12)
    before, after = noisy(rng), noisy(rng, factor=0.8)
    interval = ratio_interval(before, after, mean)
    assert interval is not None
    assert interval.high < 0.9
    unpaired = ratio_interval(before, rng.permuted(after, axis=1), mean)
    assert unpaired is not None
    assert unpaired.high - unpaired.low > 2 * (interval.high - interval.low)


def test_the_same_seed_gives_the_same_interval() -> None:
    rng = np.random.default_rng(13)
    before, after = noisy(rng), noisy(rng)
    assert ratio_interval(before, after, median, 5) == ratio_interval(before, after, median, 5)
    assert ratio_interval(before, after, median, 5) != ratio_interval(before, after, median, 6)


def test_sides_may_have_different_repeats_but_not_prompts() -> None:
    rng = np.random.default_rng(14)
    assert ratio_interval(noisy(rng, repeats=1), noisy(rng, repeats=3), mean) is not None
    with pytest.raises(ValueError, match="paired matrices need the same prompts"):
        ratio_interval(noisy(rng, prompts=4), noisy(rng, prompts=5), mean)


def test_too_little_to_say_anything() -> None:
    one = np.array([[1.0], [2.0]])
    assert ratio_interval(one, one, mean) is None
    assert ratio_interval(np.empty((0, 4)), np.ones((1, 4)), mean) is None
    assert mean_interval([1.0]) is None
    assert median_interval([]) is None
    assert ratio_interval(np.zeros((1, 4)), np.ones((1, 4)), mean) is None


def test_a_statistic_of_zero_has_no_ratio_and_warns_of_nothing() -> None:
    nothing, some = np.zeros((3, 20)), np.ones((3, 20))
    assert ratio_interval(nothing, nothing, mean) is None
    assert ratio_interval(some, nothing, median) is None
    seldom = np.where(np.arange(20) % 10 == 0, 1.0, 0.0)[None]
    assert ratio_interval(seldom, seldom, mean) is not None


def test_a_repeat_that_missed_a_prompt_does_not_spoil_the_others() -> None:
    before = np.array([[1.0, np.nan, 3.0], [np.nan, 2.0, 3.0]])
    after = np.array([[2.0, 4.0, 6.0], [2.0, np.nan, np.nan]])
    for statistic in (mean, median):
        interval = ratio_interval(before, after, statistic)
        assert interval is not None
        assert 0.1 < interval.low <= 2.0 <= interval.high < 20


def test_intervals_of_one_run_hold_its_own_statistic() -> None:
    values = list(np.random.default_rng(15).lognormal(3, 0.5, 200))
    for interval, statistic in ((mean_interval(values), np.mean(values)), (median_interval(values), np.median(values))):
        assert interval is not None
        assert interval.low < statistic < interval.high
        assert interval.to_json() == [interval.low, interval.high]


@pytest.mark.parametrize(("right", "count"), [(0, 5), (1, 1), (63, 64), (50, 100), (1, 1000)])
def test_a_shares_interval_is_that_of_a_library(right: int, count: int) -> None:
    found = wilson_interval(right / count, count)
    library = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert found is not None
    assert found.to_json() == pytest.approx([library.low, library.high], abs=1e-9)


def test_half_a_prompt_lies_between_its_neighbours() -> None:
    low, half, high = (wilson_interval(right / 20, 20) or Interval(9, 9) for right in (10, 10.5, 11))
    assert low.low < half.low < high.low
    assert low.high < half.high < high.high
    assert wilson_interval(0.5, 0) is None


@pytest.mark.parametrize("drift", [0.0, 0.03])
def test_runs_that_drift_are_covered_too(drift: float) -> None:
    """Three repeats that each have their own level: prompts alone say nothing of it."""
    rng = np.random.default_rng(21)
    hits = 0
    for _ in range(100):
        levels = rng.lognormal(0, drift, (2, 3, 1))
        interval = ratio_interval(noisy(rng) * levels[0], noisy(rng, factor=0.9) * levels[1], mean)
        assert interval is not None
        hits += interval.low <= 0.9 <= interval.high
    assert hits >= 90


def test_prompts_that_are_equal_leave_the_t_test_of_the_repeats() -> None:
    before, after = (np.repeat(np.array([[a], [b], [c]]), 50, 1) for a, b, c in ((1.0, 1.1, 0.9), (2.0, 2.3, 2.1)))
    found = contrast((before, after), (-1, 1), mean)
    logs = np.log(before[:, 0]), np.log(after[:, 0])
    by_library = ttest_ind(logs[1], logs[0])
    assert found is not None
    assert found.freedom == pytest.approx(4)
    assert found.chance == pytest.approx(float(by_library.pvalue), rel=0.02)
    assert found.error == pytest.approx(float((logs[1].mean() - logs[0].mean()) / by_library.statistic))


def test_draws_of_logs_vary_as_the_contrast_says() -> None:
    rng = np.random.default_rng(22)
    sides = [noisy(rng) * level for level in rng.lognormal(0, 0.03, (2, 3, 1))]
    found, draws = contrast(sides, (-1, 1), mean), log_draws(sides, mean)
    assert found is not None
    assert draws is not None
    low, high = np.percentile(draws[1] - draws[0], [2.5, 97.5])
    assert [low, high] == pytest.approx(found.interval.to_json(), abs=0.15 * (high - low))


def test_no_changed_prompt_is_no_certainty() -> None:
    same = np.ones(30)
    found = paired_share_difference(same, same)
    assert found is not None
    assert (found.value, found.chance) == (0.0, 1.0)
    assert -0.1 < found.interval.low < 0 < found.interval.high < 0.1
    assert paired_share_difference(same[:1], same[:1]) is None


@given(st.integers(2, 40), st.integers(0, 1000))
def test_a_share_difference_turns_round_with_its_sides(count: int, seed: int) -> None:
    before, after = np.random.default_rng(seed).integers(0, 2, (2, count)).astype(float)
    one, other = paired_share_difference(before, after), paired_share_difference(after, before)
    assert one is not None
    assert other is not None
    assert one.interval.to_json() == pytest.approx([-other.interval.high, -other.interval.low])
    assert one.interval.low <= one.value <= one.interval.high
    assert one.chance == pytest.approx(other.chance)


def test_an_error_of_zero_is_certain() -> None:
    assert Estimate(0.0, 0.0, 4).chance == 1.0
    assert Estimate(0.1, 0.0, 4).chance == 0.0
    assert Estimate(0.1, 0.0, 4).interval == Interval(0.1, 0.1)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=20))
def test_corrected_chances_are_never_smaller(chances: list[float | None]) -> None:
    for before, after in zip(chances, adjusted(chances), strict=True):
        assert (before is None) == (after is None)
        if before is not None and after is not None:
            assert before - 1e-12 <= after <= 1


def test_the_correction_by_hand() -> None:
    assert adjusted([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, pytest.approx(0.04), pytest.approx(0.04)]


@pytest.mark.parametrize(
    ("won", "lost", "chance"),
    [(0, 0, 1.0), (3, 3, 1.0), (0, 4, 0.125), (0, 5, 0.0625), (0, 6, 0.03125), (6, 0, 0.03125)],
)
def test_sign_test_by_hand(won: int, lost: int, chance: float) -> None:
    assert sign_test(won, lost) == pytest.approx(chance)
    if won + lost:
        assert sign_test(won, lost) == pytest.approx(float(binomtest(won, won + lost).pvalue))
