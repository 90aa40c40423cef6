"""Percentiles, and the errors of paired differences over repeats and prompts. Pure; knows nothing of techniques.

Why intervals are made so: docs/design/012-statistics.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from app.analysis.resampling import MEAN, MEDIAN, SAMPLES, Matrix, Statistic, drawn_statistic, prompt_counts

LEVEL = 0.95
MIN_TAIL = 100
"""Requests below which p95 and p99 rest on hardly any."""
NORMAL = 1e6
"""Degrees of freedom from which Student's t is the normal distribution."""
TOGETHER = 200


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    def to_json(self) -> list[float]:
        return [self.low, self.high]

    def shifted(self, by: float) -> Interval:
        return Interval(self.low + by, self.high + by)


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error and degrees of freedom. `centre` is where its interval is centred, None for
    the value itself."""

    value: float
    error: float
    freedom: float
    centre: float | None = None

    @property
    def interval(self) -> Interval:
        """95 %, by Student's t; it always holds the value."""
        middle = self.value if self.centre is None else self.centre
        reach = float(stdtrit(min(self.freedom, NORMAL), (1 + LEVEL) / 2)) * self.error
        return Interval(min(self.value, middle - reach), max(self.value, middle + reach))

    @property
    def chance(self) -> float:
        """Two-sided p value: how likely chance alone makes a difference from 0 this large."""
        middle = self.value if self.centre is None else self.centre
        if self.error == 0:
            return 1.0 if middle == 0 else 0.0
        return float(2 * stdtr(min(self.freedom, NORMAL), -abs(middle) / self.error))


def distribution(values: Sequence[float]) -> dict[str, float | None]:
    """mean, p50, p95 and p99 (linear interpolation); all None when there is no value."""
    if not values:
        return dict.fromkeys(("mean", "p50", "p95", "p99"))
    data = np.asarray(values, dtype=float)
    p50, p95, p99 = np.percentile(data, [50, 95, 99])
    return {"mean": float(data.mean()), "p50": float(p50), "p95": float(p95), "p99": float(p99)}


def ecdf(values: Sequence[float]) -> list[tuple[float, float]]:
    """The empirical distribution: (value, share of all values that are no larger), by growing value, each value once.
    Empty for no value."""
    if not values:
        return []
    levels, counts = np.unique(np.asarray(values, dtype=float), return_counts=True)
    return [(float(x), float(y)) for x, y in zip(levels, np.cumsum(counts) / len(values), strict=True)]


def mean_interval(values: Sequence[float], seed: int = 0) -> Interval | None:
    """Percentile bootstrap interval of the mean over requests; None for fewer than two values."""
    return _bootstrap(np.asarray([values], dtype=float), MEAN, seed)


def median_interval(values: Sequence[float], seed: int = 0) -> Interval | None:
    """As `mean_interval`, for the median."""
    return _bootstrap(np.asarray([values], dtype=float), MEDIAN, seed)


def contrast(
    sides: Sequence[Matrix],
    weights: Sequence[float],
    statistic: Callable[[Matrix], NDArray[np.float64]],
    seed: int = 0,
) -> Estimate | None:
    """The weighted sum of log statistic(side), with its standard error from repeats and prompts together.

    Matrices are (repeats, prompts), NaN where a prompt has no value; columns are the same prompts in all. `statistic`
    maps (draws, repeats, prompts) to (draws,). A candidate's log ratio is `contrast((baseline, candidate), (-1, 1))`.
    None for fewer than two prompts or a statistic that is not above 0.

    Two things vary. Runs: the spread of log statistic between repeats, pooled over sides as in an analysis of variance,
    with sum of (repeats - 1) degrees of freedom. Prompts: a bootstrap that draws the same prompts for all sides, less
    what the scatter of single requests explains, which the spread between repeats holds already; P - 1 degrees of
    freedom. The two variances are added (as for errors that are clustered in two ways: Cameron, Gelbach and Miller,
    2011, Journal of Business and Economic Statistics 29, 238-249) and their degrees of freedom combined by
    Satterthwaite's formula (1946, Biometrics Bulletin 2, 110-114). With one repeat on every side nothing is known of
    runs, and the error is that of prompts.
    """
    seen = _log_draws(sides, statistic, seed)
    if seen is None:
        return None
    scales = np.asarray(weights, dtype=float)
    with np.errstate(invalid="ignore"):
        # A statistic of 0 has no logarithm.
        value = float(scales @ seen.logs)
        drawn = scales @ seen.draws
    finite = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or finite.size < SAMPLES // 2:
        return None
    each_run = float((scales**2 / seen.repeats).sum())
    of_runs = seen.run_variance * each_run
    of_prompts = max(0.0, float(np.var(finite)) - seen.request_variance * each_run)
    whole = of_prompts + of_runs
    parts = of_prompts**2 / (sides[0].shape[1] - 1) + (of_runs**2 / seen.run_freedom if seen.run_freedom else 0.0)
    return Estimate(value, sqrt(whole), whole**2 / parts if parts else float("inf"))


def log_draws(
    sides: Sequence[Matrix], statistic: Callable[[Matrix], NDArray[np.float64]], seed: int = 0
) -> list[NDArray[np.float64]] | None:
    """For each side SAMPLES draws of log statistic that vary by runs and by prompts: for what is no plain contrast.

    They vary a little more than `contrast` says, as they count the scatter of single requests with both.
    """
    seen = _log_draws(sides, statistic, seed)
    if seen is None:
        return None
    random = np.random.default_rng(seed + 1)
    freedom = seen.run_freedom or 1
    # One draw shares the error of the pooled spread: a contrast of such draws is Student's t, not normal.
    spread = sqrt(seen.run_variance) * np.sqrt(freedom / random.chisquare(freedom, SAMPLES))
    return [
        draws + spread * random.standard_normal(SAMPLES) / sqrt(repeats)
        for draws, repeats in zip(seen.draws, seen.repeats, strict=True)
    ]


def paired_share_difference(before: NDArray[np.float64], after: NDArray[np.float64]) -> Estimate | None:
    """The change of a share from 0 to 1 over the same prompts, and its standard error; None for fewer than two.

    A prompt's value is its share over repeats: repeats of a prompt are not independent. The error counts one more
    prompt that was won and lost by half each, so that no change in the sample is not certainty. Source: Agresti and
    Min (2005), Statistics in Medicine 24, 729-740 (the adjusted Wald interval of matched pairs).
    """
    gained = after - before
    count = gained.size
    if count < 2:
        return None
    larger = count + 2
    mean = float(gained.sum()) / larger
    variance = max(0.0, (float((gained**2).sum()) + 1) / larger - mean**2) / larger
    return Estimate(float(gained.mean()), sqrt(variance), float("inf"), centre=mean)


def adjusted(chances: Sequence[float | None]) -> list[float | None]:
    """P values corrected for their number by Benjamini and Hochberg (1995, JRSS B 57, 289-300): of the verdicts with a
    corrected value up to 5 %, at most 5 % are false on average. None stays None and does not count."""
    # scipy.stats takes longer to import than most commands to run.
    from scipy.stats import false_discovery_control

    known = [chance for chance in chances if chance is not None]
    found = iter(false_discovery_control(known) if known else ())
    return [None if chance is None else float(next(found)) for chance in chances]


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


@dataclass(frozen=True)
class _Seen:
    """Of each side: log statistic, its draws over prompts (sides, SAMPLES), and how many repeats it has. Of all
    sides together: the variance between runs and its degrees of freedom, 0 where no side was repeated."""

    logs: NDArray[np.float64]
    draws: NDArray[np.float64]
    repeats: NDArray[np.float64]
    run_variance: float
    request_variance: float
    run_freedom: int


def _log_draws(sides: Sequence[Matrix], statistic: Callable[[Matrix], NDArray[np.float64]], seed: int) -> _Seen | None:
    prompts = sides[0].shape[1]
    if any(side.shape[1] != prompts for side in sides):
        raise ValueError("paired matrices need the same prompts")
    if prompts < 2 or not all(side.size for side in sides):
        return None
    found = [_side_draws(side.tobytes(), side.shape, statistic, seed) for side in sides]
    freedom = sum(each.freedom for each in found)
    pooled = freedom or 1
    return _Seen(
        np.asarray([each.log for each in found]),
        np.asarray([each.draws for each in found]),
        np.asarray([side.shape[0] for side in sides], dtype=float),
        sum(each.squares for each in found) / pooled,
        sum(each.scatter for each in found) / pooled,
        freedom,
    )


@dataclass(frozen=True)
class _SideDraws:
    """What one side brings to a contrast, whatever it is held against: log statistic, its draws over prompts, the sum
    of squares between its repeats, what of it the scatter of single requests explains, and degrees of freedom."""

    log: float
    draws: NDArray[np.float64]
    squares: float = 0.0
    scatter: float = 0.0
    freedom: int = 0


@lru_cache(maxsize=256)
def _side_draws(
    values: bytes, shape: tuple[int, int], statistic: Callable[[Matrix], NDArray[np.float64]], seed: int
) -> _SideDraws:
    """Kept, as a baseline is held against each of its candidates."""
    side = np.frombuffer(values).reshape(shape)
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        # A draw may meet prompts without a value only; it gives NaN and is left out later.
        warnings.simplefilter("ignore", RuntimeWarning)
        log = float(np.log(statistic(side[None])[0]))
        draws = np.log(drawn_statistic(side, statistic, seed))
        each = np.log(statistic(side[:, None, :]))
        each = each[np.isfinite(each)]
        if each.size < 2:
            return _SideDraws(log, draws)
        freedom = each.size - 1
        scatter = _request_variance(side, statistic, seed)
        return _SideDraws(log, draws, freedom * float(np.var(each, ddof=1)), freedom * scatter, freedom)


def _request_variance(side: Matrix, statistic: Callable[[Matrix], NDArray[np.float64]], seed: int) -> float:
    """The variance of one run's log statistic that the scatter of single requests explains: repeats are brought to the
    same level, then runs are made up by taking each prompt from any of them."""
    repeats, prompts = side.shape
    level = statistic(side[:, None, :])[:, None]
    even = side / level * np.nanmean(level)
    flat, runs = even.ravel(), _made_up_runs(repeats, prompts, seed)
    # A few at a time, which a processor's cache holds: all at once takes half as long again.
    few = (runs[start : start + TOGETHER] for start in range(0, SAMPLES, TOGETHER))
    made = np.log(np.concatenate([statistic(flat.take(places)) for places in few]))
    made = made[np.isfinite(made)]
    # Draws from a few values vary less than the values' source does.
    return float(np.var(made)) * repeats / (repeats - 1) if made.size else 0.0


@lru_cache(maxsize=2)
def _made_up_runs(repeats: int, prompts: int, seed: int) -> NDArray[np.int64]:
    """Places in a (repeats, prompts) matrix laid out flat: (SAMPLES, 1, prompts), each prompt from any repeat. Kept, as
    every measure of a rung asks for the same."""
    rows = np.random.default_rng([seed, 1]).integers(0, repeats, (SAMPLES, 1, prompts))
    return rows * prompts + np.arange(prompts)


def percentile_interval(draws: NDArray[np.float64]) -> Interval | None:
    """The middle 95 % of the draws; None when fewer than half of them could be computed."""
    finite = draws[np.isfinite(draws)]
    if finite.size < SAMPLES // 2:
        return None
    low, high = np.percentile(finite, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Interval(float(low), float(high))


def _bootstrap(matrix: Matrix, statistic: Statistic, seed: int) -> Interval | None:
    prompts = matrix.shape[1]
    return None if prompts < 2 else percentile_interval(statistic.counted(matrix, prompt_counts(prompts, seed)))
