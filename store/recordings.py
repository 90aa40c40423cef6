"""Whole experiments as they were measured, out of one store and into another: runs, segments and requests, unchanged.

What is put in is marked in its specification under `recorded` and never counts as measured here.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from store.experiments import RECORDED
from store.runs import REQUESTS
from store.tables import ExperimentRow, RunRow, SavedRow, SegmentRow

REQUEST_COLUMNS = tuple(column.name for column in REQUESTS.columns if column.name != "run_id")
OFFERED = "recorded"
"""The kind under which `saved` keeps which recordings this store was given, so that a removed one stays away."""


@dataclass(frozen=True)
class SegmentCopy:
    number: int
    started_at: float
    observed: dict[str, Any] | None


@dataclass(frozen=True)
class RunCopy:
    """`requests` hold REQUEST_COLUMNS in that order."""

    rung: int
    repeat: int
    label: str
    recipe: list[Any]
    planned_requests: int
    manifest: dict[str, Any]
    summary: dict[str, Any]
    started_at: float
    finished_at: float
    segments: tuple[SegmentCopy, ...]
    requests: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class ExperimentCopy:
    """A finished experiment; `spec` names its prompt set by the number that it has in the store."""

    kind: str
    title: str
    spec: dict[str, Any]
    engine_starts: int
    seconds: dict[str, Any]
    created_at: float
    started_at: float
    finished_at: float
    runs: tuple[RunCopy, ...]


class Recordings:
    def __init__(self, session: sessionmaker[Session]) -> None:
        self._session = session

    def find(self, sha256: str) -> int | None:
        """The experiment that came from a recording of that content."""
        with self._session() as session:
            found = session.execute(select(ExperimentRow.id, ExperimentRow.spec).order_by(ExperimentRow.id))
            return next((row.id for row in found if (row.spec.get(RECORDED) or {}).get("sha256") == sha256), None)

    def numbers(self) -> set[int]:
        """The experiments that were recorded elsewhere."""
        query = select(ExperimentRow.id).where(ExperimentRow.spec[RECORDED]["machine"].as_string().is_not(None))
        with self._session() as session:
            return set(session.scalars(query))

    def was_offered(self, name: str) -> bool:
        with self._session() as session:
            query = select(SavedRow.id).where(SavedRow.kind == OFFERED, SavedRow.name == name)
            return session.scalar(query) is not None

    def add(self, copy: ExperimentCopy, offered: str | None = None) -> int | None:
        """The new experiment's id, all in one transaction. With `offered`, a name, None where this store was given the
        recording of that name before."""
        try:
            return self._add(copy, offered)
        except IntegrityError:
            if offered is None or not self.was_offered(offered):
                raise
            return None

    def _add(self, copy: ExperimentCopy, offered: str | None) -> int:
        with self._session.begin() as session:
            if offered is not None:
                session.add(SavedRow(kind=OFFERED, name=offered, content={}, created_at=time()))
                session.flush()
            experiment = ExperimentRow(
                kind=copy.kind, title=copy.title, status="done", spec=copy.spec, engine_starts=copy.engine_starts,
                seconds=copy.seconds, created_at=copy.created_at, started_at=copy.started_at,
                finished_at=copy.finished_at,
            )  # fmt: skip
            session.add(experiment)
            session.flush()
            for run in copy.runs:
                row = RunRow(
                    experiment_id=experiment.id, rung=run.rung, repeat=run.repeat, label=run.label, recipe=run.recipe,
                    status="done", planned_requests=run.planned_requests, manifest=run.manifest, summary=run.summary,
                    started_at=run.started_at, finished_at=run.finished_at,
                )  # fmt: skip
                session.add(row)
                session.flush()
                session.add_all(
                    SegmentRow(
                        run_id=row.id, number=each.number, engine_id=None, started_at=each.started_at,
                        observed=each.observed,
                    )
                    for each in run.segments
                )  # fmt: skip
                session.flush()
                rows = [{"run_id": row.id, **dict(zip(REQUEST_COLUMNS, each, strict=True))} for each in run.requests]
                if rows:
                    session.connection().execute(insert(REQUESTS), rows)
            return experiment.id
