"""The short way through counts is the long way through drawn runs."""

from __future__ import annotations

import numpy as np
import pytest

from app.analysis.resampling import MEAN, MEDIAN, SAMPLES, Statistic, drawn_statistic, prompt_counts


@pytest.mark.parametrize("statistic", [MEAN, MEDIAN])
@pytest.mark.parametrize(("repeats", "prompts"), [(1, 2), (1, 9), (3, 10), (2, 31)])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_both_ways_come_to_the_same(statistic: Statistic, repeats: int, prompts: int, missing: float) -> None:
    random = np.random.default_rng(5)
    side = random.lognormal(0, 1, (repeats, prompts)).round(1)
    side[random.uniform(size=side.shape) < missing] = np.nan
    with pytest.warns(RuntimeWarning) if missing and prompts < 3 else np.errstate():
        long = drawn_statistic(side, statistic.of, 3)
    with np.errstate(invalid="ignore"):
        short = drawn_statistic(side, statistic, 3)
    np.testing.assert_allclose(short, long, rtol=1e-12)


def test_a_draw_has_as_many_prompts_as_there_are() -> None:
    counts = prompt_counts(7, 0)
    assert counts.shape == (7, SAMPLES)
    assert set(counts.sum(axis=0)) == {7}


def test_nothing_known_is_nan() -> None:
    side = np.full((2, 5), np.nan)
    assert np.isnan(MEDIAN.counted(side, prompt_counts(5, 0))).all()
