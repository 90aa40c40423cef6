"""Work in a process of its own: what comes back, what goes wrong, what is left behind."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import psutil
import pytest

from app.preparation.work import module_command, work
from optimizers.errors import InputError
from optimizers.transform import Worked

COMMAND = module_command("tests.app.preparation.shouting")


def run(task: dict[str, Any]) -> tuple[Worked, list[tuple[int, int]]]:
    seen: list[tuple[int, int]] = []
    return asyncio.run(work(COMMAND, task, lambda done, total: seen.append((done, total)))), seen


def test_the_result_comes_back_with_progress_time_and_memory() -> None:
    small, seen = run({"texts": ["one", "two"], "pause_s": 0.2})
    large, _ = run({"texts": ["one"], "pause_s": 0.4, "megabytes": 64})
    assert small.result == ["ONE", "TWO"]
    assert seen == [(1, 2), (2, 2)]
    assert small.seconds >= 0.4
    assert large.peak_memory_bytes - small.peak_memory_bytes > 32 << 20


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("error", "the folder holds no compressor"),
        ("crash", "tests.app.preparation.shouting ended before it was done: what the library could not do"),
    ],
)
def test_what_goes_wrong_is_one_line(how: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        run({"texts": [], "how": how})
    assert str(error.value) == said


def test_a_command_that_says_nothing_is_told_by_its_exit_code() -> None:
    with pytest.raises(InputError, match="ended before it was done: exit code 4"):
        asyncio.run(work((sys.executable, "-c", "raise SystemExit(4)"), {}, lambda done, total: None))


def test_cancelling_ends_the_process() -> None:
    async def cancel_soon() -> list[psutil.Process]:
        started = asyncio.Event()
        task = asyncio.create_task(work(COMMAND, {"how": "sleep"}, lambda done, total: started.set()))
        await asyncio.wait_for(started.wait(), 20)
        children = psutil.Process().children()
        assert len(children) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return children

    (child,) = asyncio.run(cancel_soon())
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
