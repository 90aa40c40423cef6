"""How a day's requests spread over its hours: 24 shares that add up to 1. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HOURS = 24
MONTH_HOURS = 730.0
"""A twelfth of a year of 365 days, as clouds bill it."""
PEAK_HOUR = 14
MOST_PEAK = 12.0

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class DailyShape:
    """`weights` are the hours' traffic from midnight on, in any unit; empty where a peak-to-mean factor makes them."""

    key: str
    title: str
    weights: tuple[float, ...] = ()


SHAPES: Mapping[str, DailyShape] = {
    shape.key: shape
    for shape in (
        DailyShape("flat", "Flat", (1,) * HOURS),
        DailyShape(
            "office", "Office hours", (1, 1, 1, 1, 1, 1, 2, 4, 8, 10, 10, 10, 9, 10, 10, 10, 9, 7, 4, 3, 2, 2, 1, 1)
        ),
        DailyShape(
            "evening", "Evening peak", (3, 2, 1, 1, 1, 1, 2, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 7, 8, 10, 10, 9, 7, 5)
        ),
        DailyShape("custom", "Peak to mean"),
    )
}


def hourly_shares(key: str, peak_to_mean: float = 1.0) -> Shares:
    """The shares of the 24 hours. `peak_to_mean`, from 1 to 12, counts for "custom" only."""
    weights = SHAPES[key].weights
    return np.asarray(weights, dtype=float) / sum(weights) if weights else peaked_shares(peak_to_mean)


def peaked_shares(peak_to_mean: float) -> Shares:
    """One smooth peak at 14:00 whose hour has `peak_to_mean` times the mean: ((1 + cos) / 2) ** k of the time from the
    peak, k found by halving. Raises ValueError for a factor that is not from 1 to 12."""
    if not 1 <= peak_to_mean <= MOST_PEAK:
        raise ValueError(f"a peak of {peak_to_mean} times the mean; give 1 to {MOST_PEAK:g}")
    level = (1 + np.cos(2 * np.pi * (np.arange(HOURS) - PEAK_HOUR) / HOURS)) / 2
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        shares = level**middle / (level**middle).sum()
        low, high = (middle, high) if shares.max() * HOURS < peak_to_mean else (low, middle)
    shares = level**low / (level**low).sum()
    return np.asarray(shares, dtype=float)
