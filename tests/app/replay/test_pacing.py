"""Waiting never ends early, lets others work, costs no processor time, and leaves no descriptor open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from time import monotonic_ns, process_time

import pytest
import uvloop

from app.replay import pacing
from app.replay.pacing import sleep_until

Runner = Callable[[Coroutine[None, None, None]], None]
MS = 1_000_000


@pytest.fixture(params=["timerfd", "spinning"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "spinning":
        monkeypatch.setattr(pacing, "_timer", lambda at_ns: None)
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_it_is_never_early(run: Runner) -> None:
    async def wait() -> None:
        for ahead in (-5, 0, 1, 3, 10):
            at = monotonic_ns() + ahead * MS
            await sleep_until(at)
            assert monotonic_ns() >= at

    run(wait())


@pytest.mark.usefixtures("way")
async def test_others_work_meanwhile() -> None:
    order: list[str] = []

    async def other() -> None:
        order.append("other")

    task = asyncio.create_task(other())
    await sleep_until(monotonic_ns() + 2 * MS)
    order.append("awake")
    await task
    assert order == ["other", "awake"]


async def test_waiting_costs_no_processor_time() -> None:
    began = process_time()
    for _ in range(100):
        await sleep_until(monotonic_ns() + 2 * MS)
    # 200 ms were waited; what is spent is for setting the timers.
    assert process_time() - began < 0.1


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_no_descriptor_is_left_open_even_when_it_is_cancelled() -> None:
    before = open_descriptors()
    await sleep_until(monotonic_ns() + MS)
    task = asyncio.create_task(sleep_until(monotonic_ns() + 60_000 * MS))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert open_descriptors() == before
