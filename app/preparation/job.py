"""One job of another environment: started as a process group, read line by line, ended as a whole.

The job's side of the conversation is optimizers/jobs/protocol.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from app.engine.hardware import usable_cores
from app.engine.log_cause import SIGNALS
from app.engine.process import stop_group, tail
from store.settings import ROOT

GRACE_S = 3.0
PROCESS_FILE = "process.json"


class PreparationError(RuntimeError):
    """A checkpoint could not be made; the message is one line with the cause."""


@dataclass(frozen=True)
class Progress:
    """`total` is 0 while it is not known."""

    done: int
    total: int
    what: str


Say = Callable[[Progress], None]


@dataclass(frozen=True)
class Outcome:
    facts: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


async def run_job(command: Sequence[str], log: Path, scratch: Path, say: Say) -> Outcome:
    """The job's result. Raises PreparationError with the cause; when it is cancelled, the job's group is ended first.

    `scratch` keeps who the job is, so that the next start can end what a killed Rung left behind.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        stream.write(f"$ {shlex.join(command)}\n".encode())
        stream.flush()
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=stream,
                start_new_session=True, cwd=log.parent, env=_environment(),
            )  # fmt: skip
        except OSError as error:
            raise PreparationError(f"{command[0]} cannot be started: {error.strerror}") from None
    try:
        _note(scratch, process.pid)
        assert process.stdout is not None
        outcome: Outcome | None = None
        said = ""
        async for raw in process.stdout:
            line = _read(raw)
            if "done" in line:
                say(Progress(line["done"], line["total"], line["what"]))
            elif "result" in line:
                outcome = Outcome(line["result"], line["versions"])
            elif "error" in line:
                said = line["error"]
        code = await process.wait()
    finally:
        await asyncio.shield(asyncio.to_thread(stop_group, process.pid, GRACE_S))
    if outcome is None or code != 0:
        raise PreparationError(f"{said or _cause(code, log)} (log: {log.name})")
    return outcome


def _environment() -> dict[str, str]:
    dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(free_cores())),
    }


def free_cores() -> int:
    """Cores that other programs leave free: threads that wait for each other on a busy core are slower than one."""
    cores = usable_cores()
    return min(cores, max(1, cores - int(os.getloadavg()[0])))


def _note(scratch: Path, pid: int) -> None:
    try:
        started_at = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return
    (scratch / PROCESS_FILE).write_text(json.dumps({"pid": pid, "started_at": started_at}), encoding="utf-8")


def _read(raw: bytes) -> dict[str, Any]:
    """What is no line of the protocol says nothing."""
    try:
        line = json.loads(raw)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


def _cause(code: int, log: Path) -> str:
    if code < 0:
        return f"the job was {SIGNALS.get(-code, f'ended by signal {-code}')}"
    lines = [line.strip() for line in tail(log).splitlines() if line.strip()]
    return f"the job ended with exit code {code}: {lines[-1][:200]}"
