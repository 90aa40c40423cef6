"""Waiting for a point in time more exactly than an event loop's timers, which go by whole milliseconds.

On Linux the kernel wakes the loop (timerfd), so that waiting costs no processor time: an engine on the same machine may
need it. Python has timerfd from 3.13 on; until then it is called in the C library.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from time import CLOCK_MONOTONIC, monotonic_ns

NEAR_NS = 2_000_000
"""Without timerfd: so close to the end, other tasks are let through again and again instead of sleeping."""
ABSOLUTE = 1
_libc = ctypes.CDLL(None)
_Setting = ctypes.c_long * 4
"""struct itimerspec: the interval's seconds and nanoseconds, then the first expiry's."""


async def sleep_until(at_ns: int) -> None:
    """Returns at `at_ns` of the monotonic clock, or at once when that has passed."""
    if at_ns <= monotonic_ns():
        return
    timer = _timer(at_ns)
    if timer is None:
        await _spin_until(at_ns)
        return
    loop = asyncio.get_running_loop()
    rung: asyncio.Future[None] = loop.create_future()
    loop.add_reader(timer, lambda: None if rung.done() else rung.set_result(None))
    try:
        await rung
    finally:
        loop.remove_reader(timer)
        os.close(timer)


def _timer(at_ns: int) -> int | None:
    """A descriptor that can be read from `at_ns` on; None where the system has none to give."""
    if not hasattr(_libc, "timerfd_create"):
        return None
    timer = int(_libc.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
    if timer < 0:
        return None
    if _libc.timerfd_settime(timer, ABSOLUTE, ctypes.byref(_Setting(0, 0, *divmod(at_ns, 1_000_000_000))), None):
        os.close(timer)
        return None
    return timer


async def _spin_until(at_ns: int) -> None:
    while (left := at_ns - monotonic_ns()) > 0:  # noqa: ASYNC110 - no event tells the time
        await asyncio.sleep((left - NEAR_NS) / 1e9 if left > NEAR_NS else 0)
