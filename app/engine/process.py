"""One vLLM server as a process group of its own: start, wait until ready, stop whole.

The studio never holds one of these; only the worker does. Finding what a dead worker left is orphans.py.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import psutil

from app.engine.log_cause import exit_cause
from app.engine.plan import EnginePlan
from app.engine.priority import put_behind
from app.engine.ready import is_ready

COMMAND = (sys.executable, "-m", "vllm.entrypoints.openai.api_server")
READY_DEADLINE_S = 900.0
POLL_S = 0.2
TERM_GRACE_S = 8.0
STOP_POLL_S = 0.02
LOG_TAIL_BYTES = 256 * 1024


class EngineError(RuntimeError):
    """The engine could not be started or died; the message holds the cause from its log."""


def engine_command() -> tuple[str, ...]:
    """RUNG_ENGINE_COMMAND names the server's command when vLLM lives in another environment."""
    given = os.environ.get("RUNG_ENGINE_COMMAND")
    return tuple(shlex.split(given)) if given else COMMAND


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tail(path: Path, limit: int = LOG_TAIL_BYTES) -> str:
    """The log's end as text; empty when there is no log."""
    try:
        with path.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - limit))
            return stream.read().decode(errors="replace")
    except OSError:
        return ""


class EngineProcess:
    """A launched engine. `base_url` has no trailing slash and no /v1."""

    def __init__(self, plan: EnginePlan, log_path: Path) -> None:
        self.plan = plan
        self.log_path = log_path
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        log_path.parent.mkdir(parents=True, exist_ok=True)
        command = [*engine_command(), *plan.argv, "--port", str(self.port)]
        with log_path.open("wb") as log:
            log.write(f"$ {shlex.join(command)}\n".encode())
            log.flush()
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # A group of its own: the API server and its engine core are killed together.
                    start_new_session=True,
                    # Away from the repository, whose folders would shadow installed packages of the same name.
                    cwd=log_path.parent,
                    env={**os.environ, **dict(plan.environment)},
                )
            except OSError as error:
                raise EngineError(f"the engine command {command[0]} cannot be started: {error.strerror}") from None
        self.pid = self._process.pid
        put_behind(self.pid)
        self.pid_started_at = psutil.Process(self.pid).create_time()

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    def exit_reason(self) -> str | None:
        """Why the engine has ended, from its log; None while it lives."""
        code = self.returncode
        return None if code is None else exit_cause(tail(self.log_path), code)

    async def wait_ready(self, deadline_s: float = READY_DEADLINE_S) -> None:
        """Returns when /health answers 200; raises EngineError on an early exit or at the deadline."""
        started = monotonic()
        while monotonic() - started < deadline_s:
            reason = self.exit_reason()
            if reason is not None:
                raise EngineError(f"the engine ended before it was ready: {reason} (log: {self.log_path.name})")
            if await is_ready(self.base_url):
                return
            await asyncio.sleep(POLL_S)
        raise EngineError(f"the engine was not ready within {deadline_s:.0f} s (log: {self.log_path.name})")

    def stop(self) -> None:
        """Ends the whole group: asks first, kills what is left. Safe to call twice."""
        stop_group(self.pid, TERM_GRACE_S)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)


def group_members(pgid: int) -> list[psutil.Process]:
    """The living processes of a group, zombies left out."""
    members = []
    for process in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == pgid and process.info["status"] != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def stop_group(pgid: int, grace_s: float) -> None:
    """SIGTERM to the group, SIGKILL after `grace_s` to whatever still lives."""
    for sign, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        if not group_members(pgid):
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pgid, sign)
        # Not psutil.wait_procs: it waits for zombies too, which stay for good where nobody reaps orphans.
        deadline = monotonic() + patience_s
        while group_members(pgid) and monotonic() < deadline:
            sleep(STOP_POLL_S)
