"""Statistics of runs whose prompts are drawn with replacement, without making the drawn runs. Pure.

A draw of prompts is known by how often it holds each prompt. A mean is then a product of matrices, and a median is
found by walking through the sorted values: thousands of draws of thousands of requests take milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Counts = NDArray[np.float32]
"""Whole numbers, which floats of that size hold exactly up to 16 million."""
SAMPLES = 2000
STRIDE = 48
"""Sorted values that are walked over at once while no draw's median can be among them."""


@dataclass(frozen=True)
class Statistic:
    """`of` maps (draws, repeats, prompts) to (draws,). `counted` gives the same of one (repeats, prompts) and the
    (prompts, draws) that say how often a draw holds each prompt. NaN is a prompt without a value, and the result where
    nothing has one."""

    of: Callable[[Matrix], Matrix]
    counted: Callable[[Matrix, Counts], Matrix]

    def __call__(self, drawn: Matrix) -> Matrix:
        return self.of(drawn)


@lru_cache(maxsize=2)
def prompt_counts(prompts: int, seed: int) -> Counts:
    """(prompts, SAMPLES): the same draws for all sides, so that they stay paired."""
    columns = np.random.default_rng(seed).integers(0, prompts, (SAMPLES, prompts))
    places = columns + np.arange(SAMPLES)[:, None] * prompts
    counted = np.bincount(places.ravel(), minlength=SAMPLES * prompts)
    return np.ascontiguousarray(counted.reshape(SAMPLES, prompts).T, np.float32)


def drawn_statistic(side: Matrix, statistic: Callable[[Matrix], Matrix], seed: int) -> Matrix:
    """The statistic of every draw. Another function than a Statistic works as well, and takes longer."""
    prompts = side.shape[1]
    if isinstance(statistic, Statistic):
        return statistic.counted(side, prompt_counts(prompts, seed))
    columns = np.random.default_rng(seed).integers(0, prompts, (SAMPLES, 1, prompts))
    return statistic(side[np.arange(side.shape[0])[None, :, None], columns])


def _mean(drawn: Matrix) -> Matrix:
    mean = drawn.mean(axis=(1, 2))
    # What is not a number goes through the whole mean; counting without it takes four times as long.
    return np.asarray(np.nanmean(drawn, axis=(1, 2)) if np.isnan(mean).any() else mean)


def _counted_mean(side: Matrix, counts: Counts) -> Matrix:
    known = ~np.isnan(side)
    sums = np.einsum("p,pd->d", np.where(known, side, 0.0).sum(axis=0), counts)
    return np.asarray(sums / _held(known.sum(axis=0), counts))


def _held(each: NDArray[np.int64], counts: Counts) -> Counts:
    """How many values each draw holds, from how many each prompt has. Here and above no product of matrices, which
    would take all processors, also those that an engine is being measured on."""
    return np.einsum("p,pd->d", each.astype(np.float32), counts)


def _median(drawn: Matrix) -> Matrix:
    flat = drawn.reshape(len(drawn), -1)
    if np.isnan(flat).any():
        return np.asarray(np.nanmedian(flat, axis=1))
    size = flat.shape[1]
    # One place is parted at: NumPy's own median parts at three, which takes three times as long.
    parted = np.partition(flat, size // 2, axis=1)
    upper = parted[:, size // 2]
    return upper if size % 2 else (parted[:, : size // 2].max(axis=1) + upper) / 2


def _counted_median(side: Matrix, counts: Counts) -> Matrix:
    prompts, draws = counts.shape
    flat = side.ravel()
    places = np.flatnonzero(~np.isnan(flat))
    places = places[np.argsort(flat[places], kind="stable")]
    if not places.size:
        return np.full(draws, np.nan)
    values, columns = flat[places], places % prompts
    totals = _held(np.bincount(columns, minlength=prompts), counts)
    wanted = np.stack([(totals - 1) // 2, totals // 2])
    walked, passed = np.zeros(draws, np.float32), np.zeros(wanted.shape, np.int64)
    for start in range(0, places.size, STRIDE):
        steps = columns[start : start + STRIDE]
        beyond = walked + counts[steps].sum(axis=0)
        if (beyond <= wanted[0]).all():
            walked, passed = beyond, passed + steps.size
            continue
        for step in steps.tolist():
            walked += counts[step]
            passed += walked <= wanted
        if (walked > wanted[1]).all():
            break
    low, high = values[np.minimum(passed, places.size - 1)]
    return np.where(totals > 0, (low + high) / 2, np.nan)


MEAN = Statistic(_mean, _counted_mean)
MEDIAN = Statistic(_median, _counted_median)
