"""Work in a process of its own: its progress, its result, its time and memory. Ends with whoever waits for it.

Speaks the protocol of `optimizers.transform.Tools.work`. Does not know what the work is.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import psutil

from optimizers.errors import InputError
from optimizers.transform import Worked
from store.settings import ROOT

MEMORY_POLL_S = 0.1
LINE_LIMIT = 1 << 28
Progress = Callable[[int, int], None]


def module_command(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)


async def work(command: Sequence[str], task: Mapping[str, Any], progress: Progress, cwd: Path = ROOT) -> Worked:
    """Raises InputError with the line that the work gives, or with the last that it said when it just ended."""
    began = monotonic()
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=cwd,
        # A group of its own, so that what the work starts ends with it.
        start_new_session=True,
        limit=LINE_LIMIT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"},
    )
    memory = _MemoryWatch(process.pid)
    watching, told = asyncio.create_task(memory.watch()), asyncio.create_task(_told(process))
    try:
        last = await _converse(process, task, progress)
        code, stderr = await process.wait(), await told
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
        for task_left in (watching, told):
            task_left.cancel()
    if "error" in last:
        raise InputError(str(last["error"]))
    if code != 0 or "result" not in last:
        why = stderr.splitlines()[-1] if stderr else f"exit code {code}"
        raise InputError(f"{command[-1]} ended before it was done: {why}")
    return Worked(last["result"], monotonic() - began, memory.peak_bytes)


async def _converse(
    process: asyncio.subprocess.Process, task: Mapping[str, Any], progress: Progress
) -> Mapping[str, Any]:
    """Hands the task over and reads lines until there are none; the last that was no progress."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):
        process.stdin.write(json.dumps(task).encode() + b"\n")
        await process.stdin.drain()
        process.stdin.close()
    last: Mapping[str, Any] = {}
    async for line in process.stdout:
        found = _object(line)
        if "done" in found:
            progress(int(found["done"]), int(found.get("total", 0)))
        elif found:
            last = found
    return last


async def _told(process: asyncio.subprocess.Process) -> str:
    assert process.stderr
    return (await process.stderr.read()).decode(errors="replace").strip()


def _object(line: bytes) -> Mapping[str, Any]:
    """Libraries print what they like; only JSON objects count."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class _MemoryWatch:
    """The most memory that a process and its children were seen to hold together."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.peak_bytes = 0

    async def watch(self) -> None:
        with suppress(psutil.Error):
            process = psutil.Process(self._pid)
            while True:
                held = sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
                self.peak_bytes = max(self.peak_bytes, held)
                await asyncio.sleep(MEMORY_POLL_S)
