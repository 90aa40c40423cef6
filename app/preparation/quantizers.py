"""Where the quantizers live, and how one that is missing comes here: by set-up, in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from functools import cache
from pathlib import Path

from app.engine.process import stop_group
from app.preparation.job import GRACE_S, PreparationError, Progress, Say
from app.setup.quantizers import PROBES, QuantizerEnvironment
from app.setup.steps import digest
from optimizers.checkpoint_order import CheckpointOrder
from store.settings import ROOT, Settings

JOBS = ROOT / "optimizers" / "jobs"
TITLES = {"awq": "AutoAWQ", "llmcompressor": "llm-compressor"}
SHOWN_LINES = 6


def environment(tool: str) -> QuantizerEnvironment:
    return QuantizerEnvironment.of(ROOT, tool)


def is_ready(tool: str) -> bool:
    return environment(tool).ready()


def is_installed(tool: str) -> bool:
    """Fast enough for a page; what is damaged shows when the tool is made ready."""
    return environment(tool).installed()


def all_tools() -> tuple[str, ...]:
    return tuple(PROBES)


def job_command(order: CheckpointOrder, job_file: Path) -> list[str]:
    return [str(environment(order.tool).python), "-m", f"optimizers.jobs.{order.job}", str(job_file)]


@cache
def tool_digest(tool: str) -> str:
    """Another version of the tool or of the jobs makes another checkpoint."""
    return digest(environment(tool).own_lock, JOBS)


async def make_tool(tool: str, settings: Settings, say: Say) -> None:
    """Makes the environment where it is missing or not as its lock says. Raises PreparationError with the cause."""
    if await asyncio.to_thread(is_ready, tool):
        return
    title = TITLES.get(tool, tool)
    say(Progress(0, 0, f"setting up {title}, once"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.bootstrap", tool, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    said: deque[str] = deque(maxlen=SHOWN_LINES)
    try:
        assert process.stdout is not None
        async for raw in process.stdout:
            line = raw.decode(errors="replace").strip()
            if line:
                said.append(line)
                say(Progress(0, 0, f"setting up {title}: {line}"))
        code = await process.wait()
    finally:
        await asyncio.shield(asyncio.to_thread(stop_group, process.pid, GRACE_S))
    if code != 0:
        why = next((line.removeprefix("why").strip() for line in said if line.startswith("why")), "")
        raise PreparationError(
            f"{title} could not be set up: {why or 'see .rung/setup'}; to see it work, run: make quantizers"
        )
