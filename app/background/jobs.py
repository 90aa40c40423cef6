"""Jobs in processes of their own: started, looked at and cancelled through files in the state folder.

A job outlives the tab and the studio that asked for it. What it does is in the module that its file names; how it runs
is run.py. A job whose process is gone without a last word is told by pid and start time.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Any

import psutil

from optimizers.errors import InputError
from store.settings import ROOT, Settings

JOB, STATE, PROCESS, CANCEL, LOG = "job.json", "state.json", "process.json", "cancel", "job.log"
LIVE = ("requested", "waiting", "running")
CLOCK_SLACK_S = 2.0
LEAST_S, LEAST_SHARE = 3.0, 0.02
"""Of the time and of all that is to come, before a pace is told."""
KEPT = 20
"""Ended jobs of one kind that are kept to be looked at."""


@dataclass(frozen=True)
class Job:
    """`done` of `total` are bytes or steps by `unit`, `total` 0 while it is not known; `began_at` and `began_done` are
    where the counting began, for the time that is left. `result` is what the job leaves behind, the first part of it
    while it runs."""

    id: str
    kind: str
    title: str
    spec: Mapping[str, Any]
    created_at: float
    status: str = "requested"
    what: str = ""
    done: int = 0
    total: int = 0
    unit: str = "steps"
    began_at: float | None = None
    began_done: int = 0
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    cancelling: bool = False

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    def per_second(self, now: float) -> float | None:
        """Bytes or steps a second so far; None while too little has come to say."""
        if self.began_at is None or not self.total or self.done >= self.total:
            return None
        came, elapsed = self.done - self.began_done, now - self.began_at
        if came <= 0 or elapsed < LEAST_S or came < LEAST_SHARE * (self.total - self.began_done):
            return None
        return came / elapsed

    def seconds_left(self, now: float) -> float | None:
        """At the pace so far; None while that is not known."""
        pace = self.per_second(now)
        return None if pace is None else (self.total - self.done) / pace


def start(settings: Settings, kind: str, title: str, module: str, spec: Mapping[str, Any]) -> str:
    """Starts `module.work(spec, settings, report)` in a process of its own; the job's id. Raises InputError."""
    job_id = f"{kind}-{secrets.token_hex(4)}"
    folder = _folder(settings, job_id)
    try:
        _forget_old(settings, kind)
        folder.mkdir(parents=True)
        document = {"kind": kind, "title": title, "module": module, "spec": dict(spec), "created_at": time()}
        write_json(folder / JOB, document)
        with (folder / LOG).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "app.background.run", str(folder)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
                env={**os.environ, "RUNG_HOME": str(settings.home), "RUNG_DATABASE_URL": settings.database_url,
                     "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))},
            )  # fmt: skip
        # Somebody has to take note of its end, or it stays a zombie for as long as the studio lives.
        threading.Thread(target=process.wait, daemon=True).start()
        with suppress(psutil.NoSuchProcess):
            started_at = psutil.Process(process.pid).create_time()
            write_json(folder / PROCESS, {"pid": process.pid, "started_at": started_at})
    except OSError as error:
        raise InputError(f"no job can be started: the state folder cannot be written ({error.strerror})") from None
    return job_id


def find(settings: Settings, job_id: str) -> Job | None:
    """The job as it is now; None for one that is not there or that cannot be read."""
    folder = _folder(settings, job_id)
    if folder.parent != _home(settings):
        return None
    try:
        known = json.loads((folder / JOB).read_text(encoding="utf-8"))
        state = _read(folder / STATE)
        fields = {name: known[name] for name in ("kind", "title", "spec", "created_at")}
        cancelling = (folder / CANCEL).exists()
        job = Job(job_id, **fields, **state, cancelling=cancelling)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not job.is_live or is_alive(folder):
        return job
    # It may have said its last word since it was read.
    state = _read(folder / STATE)
    if state.get("status", "requested") in LIVE:
        state["status"] = "cancelled" if cancelling else "interrupted"
        state["error"] = None if cancelling else "its process ended in the middle of it; start it again"
    return Job(job_id, **fields, **state, cancelling=False)


def all_jobs(settings: Settings, *kinds: str) -> list[Job]:
    """Those of these kinds, newest first."""
    names = [path.name for path in _home(settings).glob("*") if path.name.rpartition("-")[0] in kinds]
    found = [job for name in names if (job := find(settings, name)) is not None]
    return sorted(found, key=lambda job: -job.created_at)


def cancel(settings: Settings, job_id: str) -> None:
    """Asks a job to end; it cleans up behind itself, and is cancelled once it has. Never waits for that."""
    folder = _folder(settings, job_id)
    if not folder.is_dir():
        return
    (folder / CANCEL).touch()
    process = _read(folder / PROCESS)
    if is_alive(folder):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(int(process["pid"]), signal.SIGTERM)


def forget(settings: Settings, job_id: str) -> None:
    """Removes what is kept of a job that has ended."""
    job = find(settings, job_id)
    if job is not None and not job.is_live:
        shutil.rmtree(_folder(settings, job_id), ignore_errors=True)


def is_alive(folder: Path) -> bool:
    """Whether the process that was recorded so still runs; a stranger with the same pid does not count."""
    known = _read(folder / PROCESS)
    if not known:
        return False
    try:
        process = psutil.Process(int(known["pid"]))
        ours = abs(process.create_time() - float(known["started_at"])) < CLOCK_SLACK_S
        return ours and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, KeyError, ValueError):
        return False


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Renamed into place, so that nobody reads half of it."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    new.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _forget_old(settings: Settings, kind: str) -> None:
    ended = [job for job in all_jobs(settings, kind) if not job.is_live]
    for job in ended[KEPT:]:
        forget(settings, job.id)


def _folder(settings: Settings, job_id: str) -> Path:
    return _home(settings) / job_id


def _home(settings: Settings) -> Path:
    return settings.home / "jobs"
