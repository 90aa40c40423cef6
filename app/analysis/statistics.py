"""Percentiles, the paired bootstrap and the interval of a share. Pure; knows nothing of runs or techniques."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
SAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    def to_json(self) -> list[float]:
        return [self.low, self.high]


def distribution(values: Sequence[float]) -> dict[str, float | None]:
    """mean, p50, p95 and p99 (linear interpolation); all None when there is no value."""
    if not values:
        return dict.fromkeys(("mean", "p50", "p95", "p99"))
    data = np.asarray(values, dtype=float)
    p50, p95, p99 = np.percentile(data, [50, 95, 99])
    return {"mean": float(data.mean()), "p50": float(p50), "p95": float(p95), "p99": float(p99)}


def mean_interval(values: Sequence[float], seed: int = 0) -> Interval | None:
    """Percentile bootstrap interval of the mean over requests; None for fewer than two values."""
    return _bootstrap(np.asarray([values], dtype=float), lambda drawn: np.nanmean(drawn, axis=(1, 2)), seed)


def median_interval(values: Sequence[float], seed: int = 0) -> Interval | None:
    """As `mean_interval`, for the median."""
    return _bootstrap(np.asarray([values], dtype=float), lambda drawn: np.nanmedian(drawn, axis=(1, 2)), seed)


def ratio_interval(
    baseline: Matrix, candidate: Matrix, statistic: Callable[[Matrix], NDArray[np.float64]], seed: int = 0
) -> Interval | None:
    """Interval of statistic(candidate) / statistic(baseline) by a two-level paired bootstrap.

    Matrices are (repeats, prompts), NaN where a prompt has no value; columns are the same prompts in both.
    Every draw takes prompts with replacement, the same for both sides, and repeats with replacement, each side
    its own. `statistic` maps (draws, repeats, prompts) to (draws,). None for fewer than two prompts.
    Source: Davison and Hinkley, Bootstrap Methods and their Application, section 3.8 (hierarchical data).
    """
    drawn = paired_draws((baseline, candidate), statistic, seed)
    if drawn is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return percentile_interval(drawn[1] / drawn[0])


def difference_interval(
    baseline: Matrix, candidate: Matrix, statistic: Callable[[Matrix], NDArray[np.float64]], seed: int = 0
) -> Interval | None:
    """As `ratio_interval`, for statistic(candidate) - statistic(baseline)."""
    drawn = paired_draws((baseline, candidate), statistic, seed)
    return None if drawn is None else percentile_interval(drawn[1] - drawn[0])


def wilson_interval(share: float, count: int) -> Interval | None:
    """95 % interval of a share from 0 to 1 over `count` independent trials; None for no trial.

    The share need not be a whole number of trials: a prompt that was right in one of two repeats counts one half.
    Source: Wilson (1927), Journal of the American Statistical Association 22, 209-212.
    """
    if count < 1:
        return None
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))


def sign_test(won: int, lost: int) -> float:
    """How likely it is that chance alone parts won and lost so unevenly or more so (exact, two-sided; McNemar's test).

    1.0 when nothing changed.
    """
    changed = won + lost
    tail = sum(comb(changed, fewer) for fewer in range(min(won, lost) + 1))
    return min(1.0, 2 * tail / 2**changed)


def paired_draws(
    sides: Sequence[Matrix], statistic: Callable[[Matrix], NDArray[np.float64]], seed: int = 0
) -> list[NDArray[np.float64]] | None:
    """The statistic of each side in SAMPLES draws of the bootstrap that `ratio_interval` tells of, for any number of
    sides: one draw takes the same prompts for all of them."""
    prompts = sides[0].shape[1]
    if any(side.shape[1] != prompts for side in sides):
        raise ValueError("paired matrices need the same prompts")
    if prompts < 2 or not all(side.size for side in sides):
        return None
    random = np.random.default_rng(seed)
    columns = random.integers(0, prompts, (SAMPLES, 1, prompts))
    drawn = []
    for side in sides:
        rows = random.integers(0, side.shape[0], (SAMPLES, side.shape[0], 1))
        with warnings.catch_warnings():
            # A draw may meet prompts without a value only; it gives NaN and is left out below.
            warnings.simplefilter("ignore", RuntimeWarning)
            drawn.append(statistic(side[rows, columns]))
    return drawn


def percentile_interval(draws: NDArray[np.float64]) -> Interval | None:
    """The middle 95 % of the draws; None when fewer than half of them could be computed."""
    finite = draws[np.isfinite(draws)]
    if finite.size < SAMPLES // 2:
        return None
    low, high = np.percentile(finite, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Interval(float(low), float(high))


def _bootstrap(matrix: Matrix, statistic: Callable[[Matrix], NDArray[np.float64]], seed: int) -> Interval | None:
    prompts = matrix.shape[1]
    if prompts < 2:
        return None
    columns = np.random.default_rng(seed).integers(0, prompts, (SAMPLES, 1, prompts))
    return percentile_interval(statistic(matrix[np.zeros_like(columns), columns]))
