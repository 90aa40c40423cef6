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
Counts = NDArray[np.int32]
SAMPLES = 2000
ROWS = 32
"""Draws that are looked at together: few enough for a processor's cache."""


@dataclass(frozen=True)
class Statistic:
    """`of` maps (draws, repeats, prompts) to (draws,). `counted` gives the same of one (repeats, prompts) and the
    (draws, prompts) that say how often a draw holds each prompt. NaN is a prompt without a value, and the result where
    nothing has one."""

    of: Callable[[Matrix], Matrix]
    counted: Callable[[Matrix, Counts], Matrix]

    def __call__(self, drawn: Matrix) -> Matrix:
        return self.of(drawn)


@lru_cache(maxsize=2)
def prompt_counts(prompts: int, seed: int) -> Counts:
    """(SAMPLES, prompts): the same draws for all sides, so that they stay paired."""
    columns = np.random.default_rng(seed).integers(0, prompts, (SAMPLES, prompts))
    places = columns + np.arange(SAMPLES)[:, None] * prompts
    counted = np.bincount(places.ravel(), minlength=SAMPLES * prompts)
    return counted.reshape(SAMPLES, prompts).astype(np.int32)


def drawn_statistic(side: Matrix, statistic: Callable[[Matrix], Matrix], seed: int) -> Matrix:
    """The statistic of every draw. Another function than a Statistic works as well, and takes longer."""
    prompts = side.shape[1]
    if isinstance(statistic, Statistic):
        return statistic.counted(side, prompt_counts(prompts, seed))
    columns = np.random.default_rng(seed).integers(0, prompts, (SAMPLES, 1, prompts))
    return statistic(side[np.arange(side.shape[0])[None, :, None], columns])


def _mean(drawn: Matrix) -> Matrix:
    return np.asarray(np.nanmean(drawn, axis=(1, 2)))


def _counted_mean(side: Matrix, counts: Counts) -> Matrix:
    known = ~np.isnan(side)
    sums = counts @ np.where(known, side, 0.0).sum(axis=0)
    return np.asarray(sums / (counts @ known.sum(axis=0)))


def _median(drawn: Matrix) -> Matrix:
    flat = drawn.reshape(len(drawn), -1)
    if np.isnan(flat).any():
        return np.asarray(np.nanmedian(flat, axis=1))
    return np.asarray(np.median(flat, axis=1))


def _counted_median(side: Matrix, counts: Counts) -> Matrix:
    flat = side.ravel()
    places = np.flatnonzero(~np.isnan(flat))
    places = places[np.argsort(flat[places], kind="stable")]
    if not places.size:
        return np.full(len(counts), np.nan)
    values, columns = flat[places], places % side.shape[1]
    starts = range(0, len(counts), ROWS)
    return np.concatenate([_weighted_medians(values, counts[start : start + ROWS, columns]) for start in starts])


def _weighted_medians(values: Matrix, counts: Counts) -> Matrix:
    """For each row of `counts` the median of the sorted `values`, each as often as the row says."""
    size = values.size
    climbing = np.cumsum(counts, axis=1, dtype=np.int32)
    totals = climbing[:, -1].copy()
    # One search through all rows: each begins where the one before it has ended.
    begin = np.arange(len(counts), dtype=np.int32) * (int(totals.max()) + 1)
    climbing += begin[:, None]
    walked, offset = climbing.ravel(), np.arange(len(counts)) * size
    low, high = (
        values[np.minimum(np.searchsorted(walked, begin + at, side="right") - offset, size - 1)]
        for at in ((totals - 1) // 2, totals // 2)
    )
    return np.where(totals > 0, (low + high) / 2, np.nan)


MEAN = Statistic(_mean, _counted_mean)
MEDIAN = Statistic(_median, _counted_median)
