"""Runs an experiment to its end with progress bars on stderr, here or in the worker that has the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from app.worker import WorkerBusyError, run_experiment
from store.experiments import UNFINISHED
from store.settings import Settings
from store.store import Store
from store.tables import ExperimentRow

POLL_S = 0.5


def run_to_end(store: Store, settings: Settings, experiment_id: int, quiet: bool = False) -> ExperimentRow:
    """The finished experiment. A worker that has this store runs it, for as long as it lives; Ctrl-C cancels."""
    with _progress(store, experiment_id, quiet):
        while store.experiments.get(experiment_id).status in UNFINISHED:
            try:
                run_experiment(store, settings, experiment_id)
            except WorkerBusyError:
                _wait(store, experiment_id)
    return store.experiments.get(experiment_id)


def _wait(store: Store, experiment_id: int) -> None:
    try:
        time.sleep(POLL_S)
    except KeyboardInterrupt:
        store.experiments.request_cancel(experiment_id)


@contextmanager
def _progress(store: Store, experiment_id: int, quiet: bool) -> Iterator[None]:
    if quiet:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_draw, args=(store, experiment_id, stop), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _draw(store: Store, experiment_id: int, stop: threading.Event) -> None:
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )  # fmt: skip
    last_phase = ""
    with Progress(*columns, console=console, disable=not console.is_terminal, refresh_per_second=4) as bar:
        task = bar.add_task("Queued", total=None)
        finished = False
        while not finished:
            finished = stop.wait(POLL_S)
            progress = store.experiments.progress(experiment_id)
            row = store.experiments.get(experiment_id)
            phase = row.phase or row.status
            bar.update(task, description=phase, total=progress.planned, completed=progress.done)
            if not console.is_terminal and phase != last_phase:
                console.print(f"{phase} ({progress.done} of {progress.planned} requests)")
                last_phase = phase
