"""Percentiles and the paired bootstrap: known answers, coverage, and values that are missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from app.analysis.statistics import (
    Interval,
    Matrix,
    difference_interval,
    distribution,
    mean_interval,
    median_interval,
    ratio_interval,
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


def test_nothing_measured_is_none_and_not_zero() -> None:
    assert distribution([]) == {"mean": None, "p50": None, "p95": None, "p99": None}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_percentiles_are_in_order_and_within_the_values(values: list[float]) -> None:
    found = distribution(values)
    p50, p95, p99 = (found[name] or 0.0 for name in ("p50", "p95", "p99"))
    slack = 1e-6 * max(values, default=0.0) + 1e-9
    assert min(values) - slack <= p50 <= p95 + slack <= p99 + 2 * slack <= max(values) + 3 * slack


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
    assert unpaired.high - unpaired.low > 3 * (interval.high - interval.low)


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


def test_a_repeat_that_missed_a_prompt_does_not_spoil_the_others() -> None:
    before = np.array([[1.0, np.nan, 3.0], [np.nan, 2.0, 3.0]])
    after = np.array([[2.0, 4.0, 6.0], [2.0, np.nan, np.nan]])
    for statistic in (mean, median):
        interval = ratio_interval(before, after, statistic)
        assert interval is not None
        assert 0.5 < interval.low <= 2.0 <= interval.high < 8


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


def test_a_difference_is_found_where_a_ratio_has_no_baseline() -> None:
    before, after = np.zeros((2, 30)), np.tile([0.0, 100.0], (2, 15))
    interval = difference_interval(before, after, mean)
    assert interval is not None
    assert 25 < interval.low < 50 < interval.high < 75
    assert ratio_interval(before, after, mean) is None
    assert difference_interval(before[:, :1], after[:, :1], mean) is None


def test_a_difference_is_paired() -> None:
    sizes = np.linspace(0, 100, 40)
    interval = difference_interval(sizes[None], sizes[None] - 3, mean)
    assert interval is not None
    assert interval.to_json() == pytest.approx([-3, -3])


@pytest.mark.parametrize(
    ("won", "lost", "chance"),
    [(0, 0, 1.0), (3, 3, 1.0), (0, 4, 0.125), (0, 5, 0.0625), (0, 6, 0.03125), (6, 0, 0.03125)],
)
def test_sign_test_by_hand(won: int, lost: int, chance: float) -> None:
    assert sign_test(won, lost) == pytest.approx(chance)
    if won + lost:
        assert sign_test(won, lost) == pytest.approx(float(binomtest(won, won + lost).pvalue))
