"""A finished experiment as a whole: its runs, their segments and every request, written in one go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from store.runs import REQUESTS
from store.tables import ExperimentRow, RunRow, SegmentRow

REQUEST_COLUMNS = tuple(column.name for column in REQUESTS.columns if column.name != "run_id")


@dataclass(frozen=True)
class SegmentCopy:
    number: int
    started_at: float
    observed: dict[str, Any] | None


@dataclass(frozen=True)
class RunCopy:
    """`requests` hold REQUEST_COLUMNS in that order; none where only a summary is known."""

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
    """A finished experiment; a prompt set that `spec` names is named by the number that it has in the store."""

    kind: str
    title: str
    spec: dict[str, Any]
    engine_starts: int
    seconds: dict[str, Any]
    created_at: float
    started_at: float
    finished_at: float
    runs: tuple[RunCopy, ...]


def write_experiment(session: Session, copy: ExperimentCopy) -> int:
    """The new experiment's id; nothing is there before the session commits."""
    experiment = ExperimentRow(
        kind=copy.kind, title=copy.title, status="done", spec=copy.spec, engine_starts=copy.engine_starts,
        seconds=copy.seconds, created_at=copy.created_at, started_at=copy.started_at, finished_at=copy.finished_at,
    )  # fmt: skip
    session.add(experiment)
    session.flush()
    for run in copy.runs:
        _write_run(session, experiment.id, run)
    return experiment.id


def _write_run(session: Session, experiment_id: int, run: RunCopy) -> None:
    row = RunRow(
        experiment_id=experiment_id, rung=run.rung, repeat=run.repeat, label=run.label, recipe=run.recipe,
        status="done", planned_requests=run.planned_requests, manifest=run.manifest, summary=run.summary,
        started_at=run.started_at, finished_at=run.finished_at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.add_all(
        SegmentRow(
            run_id=row.id, number=each.number, engine_id=None, started_at=each.started_at, observed=each.observed
        )
        for each in run.segments
    )
    session.flush()
    rows = [{"run_id": row.id, **dict(zip(REQUEST_COLUMNS, each, strict=True))} for each in run.requests]
    if rows:
        session.connection().execute(insert(REQUESTS), rows)
