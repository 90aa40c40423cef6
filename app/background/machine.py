"""Whose turn the machine is: what is measured must not share it with a quantizer.

A lock of the kernel's in the state folder, freed when its holder dies. The worker holds it through an experiment, a
job that takes the whole machine through its work. Downloads and single questions do not ask for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from filelock import FileLock, Timeout

from store.settings import Settings

POLL_S = 0.5


def take_machine(settings: Settings) -> FileLock | None:
    """The lock, to be released by whoever has it; None while somebody else does."""
    settings.home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.home / "machine.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


@asynccontextmanager
async def whole_machine(settings: Settings, waiting: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Waits for its turn, calling `waiting` where there is something to wait for."""
    lock = take_machine(settings)
    if lock is None:
        waiting()
    while lock is None:
        await asyncio.sleep(POLL_S)
        lock = take_machine(settings)
    try:
        yield
    finally:
        lock.release()
