"""Experiments in the store: the queue the worker takes from, and what people watch while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.orm import Session, sessionmaker

from optimizers.errors import InputError
from store.tables import ExperimentRow, RequestRow, RunRow

UNFINISHED = ("queued", "running")
RESUMABLE = ("interrupted", "cancelled", "failed")
LISTED = 200
"""Experiments that a list to choose from goes back to."""
RECORDED = "recorded"
"""What a specification has of an experiment that was measured elsewhere and taken in whole: machine, date, version."""


@dataclass(frozen=True)
class PlannedRun:
    rung: int
    repeat: int
    label: str
    recipe: list[dict[str, Any]]
    requests: int


@dataclass(frozen=True)
class Progress:
    """Requests of an experiment: committed and planned, and the same for each run by id."""

    done: int
    planned: int
    by_run: dict[int, int]


class Experiments:
    def __init__(self, session: sessionmaker[Session]) -> None:
        self._session = session

    def enqueue(self, kind: str, title: str, spec: dict[str, Any], runs: Sequence[PlannedRun]) -> int:
        """Queues an experiment with its runs in one transaction; its id."""
        with self._session.begin() as session:
            row = ExperimentRow(kind=kind, title=title, status="queued", spec=spec, created_at=time())
            session.add(row)
            session.flush()
            session.execute(
                insert(RunRow),
                [
                    {
                        "experiment_id": row.id,
                        "rung": run.rung,
                        "repeat": run.repeat,
                        "label": run.label,
                        "recipe": run.recipe,
                        "status": "queued",
                        "planned_requests": run.requests,
                    }
                    for run in runs
                ],
            )
            return row.id

    def claim(self, only: int | None = None) -> ExperimentRow | None:
        """Takes the oldest queued experiment (or the one named) and marks it running; None when there is none."""
        oldest: Select[int] = select(func.min(ExperimentRow.id)).where(ExperimentRow.status == "queued")
        if only is not None:
            oldest = oldest.where(ExperimentRow.id == only)
        with self._session.begin() as session:
            taken = session.scalar(
                update(ExperimentRow)
                .where(ExperimentRow.id == oldest.scalar_subquery(), ExperimentRow.status == "queued")
                .values(status="running", started_at=time(), finished_at=None, error=None, phase="Preparing")
                .returning(ExperimentRow.id)
            )
        return None if taken is None else self.get(taken)

    def find(self, experiment_id: int) -> ExperimentRow | None:
        with self._session() as session:
            return session.get(ExperimentRow, experiment_id)

    def get(self, experiment_id: int) -> ExperimentRow:
        row = self.find(experiment_id)
        if row is None:
            raise InputError(f"there is no experiment with the number {experiment_id}")
        return row

    def recent(self, limit: int = LISTED) -> list[ExperimentRow]:
        """The newest first."""
        with self._session() as session:
            return list(session.scalars(select(ExperimentRow).order_by(ExperimentRow.id.desc()).limit(limit)))

    def latest(self, status: str, kind: str | None = None) -> ExperimentRow | None:
        """The newest one of this store's own; where there is none, the newest recorded one."""
        query = select(ExperimentRow).where(ExperimentRow.status == status).order_by(ExperimentRow.id.desc())
        if kind is not None:
            query = query.where(ExperimentRow.kind == kind)
        recorded = None
        with self._session() as session:
            for row in session.scalars(query.execution_options(yield_per=8)):
                if RECORDED not in row.spec:
                    return row
                recorded = recorded or row
        return recorded

    def unfinished(self) -> list[ExperimentRow]:
        """What runs or waits, in the order the worker takes it."""
        query = select(ExperimentRow).where(ExperimentRow.status.in_(UNFINISHED)).order_by(ExperimentRow.id)
        with self._session() as session:
            return sorted(session.scalars(query), key=lambda row: row.status != "running")

    def set_phase(self, experiment_id: int, phase: str) -> None:
        self._update(experiment_id, phase=phase)

    def add_engine_start(self, experiment_id: int) -> None:
        self._update(experiment_id, engine_starts=ExperimentRow.engine_starts + 1)

    def finish(self, experiment_id: int, status: str, seconds: dict[str, Any], error: str | None = None) -> None:
        self._update(
            experiment_id, status=status, error=error, seconds=seconds, finished_at=time(), phase="",
            cancel_requested=False,
        )  # fmt: skip

    def request_cancel(self, experiment_id: int) -> None:
        """A queued experiment is cancelled at once; a running one by the worker, within a second."""
        # Each is one statement: a worker may take the experiment at any moment, also from another connection.
        this = update(ExperimentRow).where(ExperimentRow.id == experiment_id)
        with self._session.begin() as session:
            session.execute(this.where(ExperimentRow.status == "queued").values(status="cancelled", finished_at=time()))
            session.execute(this.where(ExperimentRow.status == "running").values(cancel_requested=True))

    def cancel_requested(self, experiment_id: int) -> bool:
        with self._session() as session:
            query = select(ExperimentRow.cancel_requested).where(ExperimentRow.id == experiment_id)
            return bool(session.scalar(query))

    def resume(self, experiment_id: int) -> None:
        """Queues an experiment that stopped half-way; runs that finished, and their requests, are kept."""
        row = self.get(experiment_id)
        if row.status not in RESUMABLE:
            raise InputError(f"experiment {experiment_id} is {row.status}; only a stopped one can be resumed")
        with self._session.begin() as session:
            # A failed run answered nothing: what it recorded are refusals, and those are asked again.
            failed = select(RunRow.id).where(RunRow.experiment_id == experiment_id, RunRow.status == "failed")
            session.execute(delete(RequestRow).where(RequestRow.run_id.in_(failed), RequestRow.error.is_not(None)))
            session.execute(
                update(RunRow)
                .where(RunRow.experiment_id == experiment_id, RunRow.status != "done")
                .values(status="queued", error=None)
            )
            session.execute(
                update(ExperimentRow)
                .where(ExperimentRow.id == experiment_id)
                .values(status="queued", error=None, cancel_requested=False, phase="")
            )

    def titles(self) -> dict[int, str]:
        """Number -> title of all experiments."""
        with self._session() as session:
            return {row.id: row.title for row in session.execute(select(ExperimentRow.id, ExperimentRow.title))}

    def specs(self) -> list[dict[str, Any]]:
        """What each experiment was asked for."""
        with self._session() as session:
            return list(session.scalars(select(ExperimentRow.spec)))

    def removable(self, experiment_id: int) -> None:
        """Raises InputError for an experiment that is not there, or that runs or waits."""
        status = self.get(experiment_id).status
        if status in UNFINISHED:
            raise InputError(f"experiment {experiment_id} is {status}; cancel it before it is removed")

    def remove(self, experiment_id: int) -> None:
        """Deletes an experiment with its runs and their requests."""
        self.removable(experiment_id)
        with self._session.begin() as session:
            session.execute(
                delete(ExperimentRow).where(ExperimentRow.id == experiment_id, ExperimentRow.status.not_in(UNFINISHED))
            )

    def interrupt_running(self, reason: str) -> list[int]:
        """Marks what a dead worker left running; the ids of those experiments."""
        with self._session.begin() as session:
            ids = list(session.scalars(select(ExperimentRow.id).where(ExperimentRow.status == "running")))
            session.execute(update(RunRow).where(RunRow.status == "running").values(status="interrupted", error=reason))
            session.execute(
                update(ExperimentRow)
                .where(ExperimentRow.id.in_(ids))
                .values(status="interrupted", error=reason, phase="", finished_at=time(), cancel_requested=False)
            )
        return ids

    def progress(self, experiment_id: int) -> Progress:
        with self._session() as session:
            planned = dict(
                session.execute(
                    select(RunRow.id, RunRow.planned_requests).where(RunRow.experiment_id == experiment_id)
                ).all()
            )
            done = dict(
                session.execute(
                    select(RequestRow.run_id, func.count())
                    .where(RequestRow.run_id.in_(planned))
                    .group_by(RequestRow.run_id)
                ).all()
            )
        return Progress(sum(done.values()), sum(planned.values()), {run: done.get(run, 0) for run in planned})

    def _update(self, experiment_id: int, **values: Any) -> None:
        with self._session.begin() as session:
            session.execute(update(ExperimentRow).where(ExperimentRow.id == experiment_id).values(**values))
