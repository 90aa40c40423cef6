"""Waiting for a point in time more exactly than an event loop's timers, which go by whole milliseconds."""

from __future__ import annotations

import asyncio
from time import monotonic_ns

NEAR_NS = 2_000_000
"""So close to the end, other tasks are let through again and again instead of sleeping."""


async def sleep_until(at_ns: int) -> None:
    """Returns at `at_ns` of the monotonic clock, or at once when that has passed."""
    while (left := at_ns - monotonic_ns()) > 0:  # noqa: ASYNC110 - no event tells the time
        await asyncio.sleep((left - NEAR_NS) / 1e9 if left > NEAR_NS else 0)
