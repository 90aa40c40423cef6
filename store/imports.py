"""Experiments that were measured elsewhere, written whole: the experiment, its runs and their requests in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, sessionmaker

from store.runs import REQUESTS
from store.tables import ExperimentRow, RunRow, SegmentRow

IMPORTED = "imported"


@dataclass(frozen=True)
class FinishedRun:
    """`records` are columns of RequestRow; empty where only a summary is known."""

    label: str
    recipe: list[dict[str, Any]]
    manifest: dict[str, Any]
    summary: dict[str, Any]
    records: list[dict[str, Any]]
    requests: int


class Imports:
    def __init__(self, session: sessionmaker[Session]) -> None:
        self._session = session

    def find(self, sha256: str) -> int | None:
        """The experiment that came from a file of that content."""
        query = select(ExperimentRow.id, ExperimentRow.spec).where(ExperimentRow.kind == IMPORTED)
        with self._session() as session:
            return next((row.id for row in session.execute(query) if row.spec["source"]["sha256"] == sha256), None)

    def add(self, title: str, spec: dict[str, Any], runs: Sequence[FinishedRun]) -> int:
        """The new experiment's id."""
        now = time()
        with self._session.begin() as session:
            experiment = ExperimentRow(
                kind=IMPORTED, title=title, status="done", spec=spec, created_at=now, started_at=now, finished_at=now
            )
            session.add(experiment)
            session.flush()
            for rung, run in enumerate(runs):
                row = RunRow(
                    experiment_id=experiment.id, rung=rung, repeat=0, label=run.label, recipe=run.recipe, status="done",
                    planned_requests=run.requests, manifest=run.manifest, summary=run.summary, started_at=now,
                    finished_at=now,
                )  # fmt: skip
                session.add(row)
                session.flush()
                session.add(SegmentRow(run_id=row.id, number=0, engine_id=None, started_at=now, observed=None))
                session.flush()
                if run.records:
                    records = [{"run_id": row.id, "segment": 0, **record} for record in run.records]
                    session.connection().execute(insert(REQUESTS), records)
            return experiment.id
