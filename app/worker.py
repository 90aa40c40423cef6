"""The worker: the one process of a store that runs experiments and holds engines.

One at a time is enforced by a file lock. It survives closed tabs and Streamlit restarts; after a crash the next
worker marks what was running as interrupted and ends the engines that were left behind.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from typing import Any

import psutil
import uvloop
from filelock import FileLock, Timeout
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError

from app.background.machine import take_machine, whole_machine
from app.engine.orphans import reap_orphans
from app.experiment.execute import Executor
from app.experiment.live_file import live_path, remove_live_file
from app.experiment.load_curves import SWEEP
from app.experiment.results import load_ladder
from app.person_engine import PersonEngine
from app.preparation.checkpoints import remove_leftovers
from store.database import explain_database_error
from store.settings import Settings
from store.store import Store

HEARTBEAT_S = 2.0
POLL_S = 0.5
LOCK_POLL_S = 1.0


class WorkerBusyError(RuntimeError):
    """Another worker has this store."""


def lock_path(settings: Settings) -> Path:
    """Beside a SQLite file; for other databases in the state folder, where it holds for this machine only."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:"):
        return Path(f"{url.database}.worker.lock")
    return settings.home / f"worker-{hashlib.sha256(settings.database_url.encode()).hexdigest()[:12]}.lock"


@contextmanager
def working(store: Store, settings: Settings, wait: bool = False) -> Iterator[Worker]:
    """Holds the store's worker lock with a heartbeat, after cleaning up behind a dead predecessor.

    While another worker lives it waits for that one's end, or raises WorkerBusyError without `wait`.
    """
    path = lock_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=-1 if wait else 0, poll_interval=LOCK_POLL_S)
    except Timeout:
        raise WorkerBusyError("another worker has this store") from None
    try:
        store.workers.register(os.getpid(), psutil.Process().create_time(), socket.gethostname())
        reap_orphans(store)
        remove_leftovers(settings)
        remove_live_file(live_path(settings))
        store.experiments.interrupt_running("its worker ended in the middle of it")
        stop = threading.Event()
        beat = threading.Thread(target=_beat, args=(store, stop), name="heartbeat", daemon=True)
        beat.start()
        try:
            yield Worker(store, settings)
        finally:
            stop.set()
            beat.join()
            store.workers.sign_off()
    finally:
        lock.release()


def _beat(store: Store, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT_S):
        # A full disk must not end the heartbeat: the run itself reports it.
        with suppress(DatabaseError):
            store.workers.beat()


class Worker:
    """Claims and runs work while `working` holds the lock."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._person = PersonEngine(store, settings)
        self._settings = settings

    async def serve(self) -> None:
        """Runs experiments and people's engines until cancelled."""
        try:
            while True:
                await self._person.attend()
                if not await self.run_next():
                    await asyncio.sleep(POLL_S)
        finally:
            self._person.give_way("the worker was stopped")

    async def run_next(self, only: int | None = None) -> bool:
        """Runs the oldest queued experiment, or the one named; False when there is none, or while a job has the machine
        and no one in particular is asked for."""
        if only is not None:
            async with whole_machine(self._settings):
                return await self._run_next(only)
        lock = take_machine(self._settings)
        if lock is None:
            return False
        try:
            return await self._run_next()
        finally:
            lock.release()

    async def _run_next(self, only: int | None = None) -> bool:
        experiment = self._store.experiments.claim(only)
        if experiment is None:
            return False
        self._person.give_way("an experiment needs the machine for itself")
        executor = Executor(self._store, self._settings, experiment)
        task = asyncio.create_task(executor.run())
        watch = asyncio.create_task(self._watch_cancel(experiment.id, task))
        status: str = "failed"
        error: str | None = "Rung stopped with a fault of its own; the worker's log has the details"
        try:
            status, error = await task
        except asyncio.CancelledError:
            cancelled = self._store.experiments.cancel_requested(experiment.id)
            status = "cancelled" if cancelled else "interrupted"
            error = None if cancelled else "the worker was stopped in the middle of it"
            if not cancelled:
                raise
        except DatabaseError as fault:
            reason = explain_database_error(fault)
            if reason is None:
                raise
            status, error = "failed", f"the database {reason}"
        finally:
            watch.cancel()
            self._end(experiment.id, status, error, executor.seconds.to_json(experiment.seconds))
        if status == "done" and experiment.kind != SWEEP:
            # Worked out and kept now, while nothing is measured, so that no page has to do it.
            with suppress(DatabaseError):
                await asyncio.to_thread(load_ladder, self._store, experiment.id)
        return True

    def _end(self, experiment_id: int, status: str, error: str | None, seconds: dict[str, float]) -> None:
        for run in self._store.runs.of_experiment(experiment_id):
            if run.status == "running":
                self._store.runs.finish(run.id, status, error)
        self._store.experiments.finish(experiment_id, status, seconds, error)

    async def _watch_cancel(self, experiment_id: int, task: asyncio.Task[tuple[str, str | None]]) -> None:
        while not task.done():
            await asyncio.sleep(POLL_S)
            if self._store.experiments.cancel_requested(experiment_id):
                task.cancel()
                return


def run_worker(store: Store, settings: Settings, wait: bool = False) -> None:
    """Serves until SIGINT or SIGTERM; engines are stopped before it returns. `wait` as for `working`."""
    with working(store, settings, wait) as worker:
        uvloop.run(_until_signal(worker.serve()))


def run_experiment(store: Store, settings: Settings, experiment_id: int) -> None:
    """Runs one experiment in this process, for the command line; raises WorkerBusyError when a worker lives."""
    with working(store, settings) as worker:
        uvloop.run(_until_signal(worker.run_next(experiment_id)))


async def _until_signal(work: Coroutine[Any, Any, object]) -> None:
    """Sees `work` through; SIGINT and SIGTERM cancel it, and its own clean-up runs before this returns."""
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


def heartbeat_age_s(store: Store) -> float | None:
    row = store.workers.current()
    return None if row is None else time() - row.heartbeat_at
