"""The process of one job: `python -m app.background.run FOLDER`. Does the work, writes its state, ends when told to.

SIGTERM cancels the work, which cleans up; one that does not within the grace is ended all the same. Loads little before
the work has begun: a person waits for it.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic, time
from typing import Any

import uvloop

from app.background.jobs import JOB, LOG, STATE, write_json
from optimizers.errors import InputError
from store.settings import Settings

GRACE_S = 10.0
WRITE_EVERY_S = 0.1


class Report:
    """The state of a job, written to its file at most ten times a second while only counts change."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / STATE
        self._state: dict[str, Any] = {}
        self._written = 0.0
        self._is_due = False

    def waits(self, what: str) -> None:
        self._change(status="waiting", what=what)

    def runs(self, what: str, done: int = 0, total: int = 0, unit: str = "steps", **result: Any) -> None:
        """`done` of `total`; whenever the total changes, the counting begins anew."""
        known = self._state
        if known.get("total") != total or known.get("status") != "running":
            known |= {"began_at": time(), "began_done": done}
        changes = {"status": "running", "what": what, "done": done, "total": total, "unit": unit}
        self._change(**changes, **({"result": result} if result else {}))

    def ended(self, status: str, error: str | None = None, **result: Any) -> None:
        self._change(status=status, error=error, **({"result": result} if result else {}))

    def _change(self, **values: Any) -> None:
        quiet = all(values.get(name) == self._state.get(name) for name in ("status", "total", "error"))
        self._state |= values
        wait = self._written + WRITE_EVERY_S - monotonic()
        if not quiet or wait <= 0:
            self._write()
        elif not self._is_due:
            # What comes last before a long silence is what people look at meanwhile.
            self._is_due = True
            asyncio.get_running_loop().call_later(wait, self._write_if_due)

    def _write_if_due(self) -> None:
        if self._is_due:
            self._write()

    def _write(self) -> None:
        self._is_due, self._written = False, monotonic()
        # A full disk must not end the work: it will say so itself, where it matters.
        with suppress(OSError):
            write_json(self._path, self._state)


Work = Callable[[Mapping[str, Any], Settings, Report], Awaitable[Mapping[str, Any]]]


def main(folder: Path) -> int:
    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    report = Report(folder)
    report.runs("starting")
    try:
        work: Work = importlib.import_module(job["module"]).work
        result = uvloop.run(_until_told(work(job["spec"], Settings.load(), report)))
        report.ended("done", **result)
    except asyncio.CancelledError:
        report.ended("cancelled")
    except Exception as error:
        report.ended("failed", _reason(error))
    sys.stdout.flush()
    sys.stderr.flush()
    # A library's thread that does not end must not keep a finished job alive.
    os._exit(0)


def _reason(error: Exception) -> str:
    """One line. What is nobody's mistake goes to the log as a whole."""
    from sqlalchemy.exc import DatabaseError

    from app.preparation.job import PreparationError
    from store.database import explain_database_error

    if isinstance(error, InputError | PreparationError):
        return " ".join(str(error).split())
    explained = explain_database_error(error) if isinstance(error, DatabaseError) else None
    if explained is not None:
        return f"the database {explained}"
    traceback.print_exception(error)
    return f"Rung stopped with a fault of its own ({type(error).__name__}); {LOG} in the job's folder has the details"


async def _until_told(work: Awaitable[Mapping[str, Any]]) -> Mapping[str, Any]:
    task = asyncio.ensure_future(work)

    def stop() -> None:
        timer = threading.Timer(GRACE_S, os._exit, (1,))
        timer.daemon = True
        timer.start()
        task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    return await task


if __name__ == "__main__":
    main(Path(sys.argv[1]))
