"""Runs and their requests. Requests are written once, in bulk, and never change except for client token counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session, sessionmaker

from optimizers.errors import InputError
from store.tables import ExperimentRow, RequestRow, RunRow, SegmentRow

REQUESTS = RequestRow.metadata.tables[RequestRow.__tablename__]


@dataclass(frozen=True)
class FinishedRun:
    """Enough of a finished run to choose it by, without its manifest and summary."""

    id: int
    experiment_id: int
    rung: int
    label: str
    finished_at: float | None


@dataclass(frozen=True)
class FinishedRung:
    """A rung with a finished run, and its experiment's kind."""

    experiment_id: int
    kind: str
    rung: int
    label: str
    recipe: list[dict[str, Any]]


class Runs:
    def __init__(self, session: sessionmaker[Session]) -> None:
        self._session = session

    def get(self, run_id: int) -> RunRow:
        with self._session() as session:
            row = session.get(RunRow, run_id)
        if row is None:
            raise InputError(f"there is no run with the number {run_id}")
        return row

    def of_experiment(self, experiment_id: int) -> list[RunRow]:
        query = select(RunRow).where(RunRow.experiment_id == experiment_id).order_by(RunRow.rung, RunRow.repeat)
        with self._session() as session:
            return list(session.scalars(query))

    def finished(self) -> list[FinishedRun]:
        """All finished runs, the newest experiment's first, by rung and repeat."""
        query = (
            select(RunRow.id, RunRow.experiment_id, RunRow.rung, RunRow.label, RunRow.finished_at)
            .where(RunRow.status == "done")
            .order_by(RunRow.experiment_id.desc(), RunRow.rung, RunRow.repeat)
        )
        with self._session() as session:
            return [FinishedRun(*row) for row in session.execute(query)]

    def several(self, run_ids: Sequence[int]) -> list[RunRow]:
        """Those runs, by rung and repeat."""
        query = select(RunRow).where(RunRow.id.in_(run_ids)).order_by(RunRow.rung, RunRow.repeat)
        with self._session() as session:
            return list(session.scalars(query))

    def finished_rungs(self) -> list[FinishedRung]:
        """Every rung with a finished run, the newest experiment first; reads neither summaries nor requests."""
        query = (
            select(RunRow.experiment_id, ExperimentRow.kind, RunRow.rung, RunRow.label, RunRow.recipe)
            .join(ExperimentRow, ExperimentRow.id == RunRow.experiment_id)
            .where(RunRow.status == "done")
            .order_by(RunRow.experiment_id.desc(), RunRow.rung, RunRow.repeat)
        )
        with self._session() as session:
            found = {(row.experiment_id, row.rung): FinishedRung(*row) for row in session.execute(query)}
        return list(found.values())

    def version_of(self, experiment_id: int) -> str:
        """Changes whenever one of the experiment's runs changes its state."""
        query = select(RunRow.status, RunRow.finished_at).where(RunRow.experiment_id == experiment_id)
        with self._session() as session:
            rows = session.execute(query.order_by(RunRow.rung, RunRow.repeat)).all()
        return " ".join(f"{status}{finished_at or ''}" for status, finished_at in rows)

    def summaries_on(self, hardware: str, experiment_ids: Sequence[int]) -> list[tuple[int, list[Any], dict[str, Any]]]:
        """(experiment, recipe, summary) of those experiments' runs that finished on that hardware, by rung and repeat;
        manifests stay unread."""
        query = (
            select(RunRow.experiment_id, RunRow.recipe, RunRow.summary)
            .where(RunRow.experiment_id.in_(experiment_ids), RunRow.status == "done", RunRow.summary.is_not(None))
            .where(RunRow.manifest["hardware", "title"].as_string() == hardware)
            .order_by(RunRow.experiment_id, RunRow.rung, RunRow.repeat)
        )
        with self._session() as session:
            return [(row.experiment_id, row.recipe, row.summary or {}) for row in session.execute(query)]

    def finished_version(self) -> str:
        """Changes whenever a run finishes."""
        query = select(func.count(), func.max(RunRow.finished_at)).where(RunRow.status == "done")
        with self._session() as session:
            count, latest = session.execute(query).one()
        return f"{count} {latest or ''}"

    def start(self, run_id: int, manifest: dict[str, Any]) -> None:
        self._update(run_id, status="running", started_at=time(), manifest=manifest, error=None)

    def finish(self, run_id: int, status: str, error: str | None = None) -> None:
        self._update(run_id, status=status, error=error, finished_at=time())

    def set_summary(self, run_id: int, summary: dict[str, Any]) -> None:
        self._update(run_id, summary=summary)

    def open_segment(self, run_id: int, engine_id: int | None) -> int:
        """Begins an unbroken stretch of the run; its number, from 0."""
        with self._session.begin() as session:
            numbers = session.scalars(select(SegmentRow.number).where(SegmentRow.run_id == run_id))
            number = max(numbers, default=-1) + 1
            session.add(SegmentRow(run_id=run_id, number=number, engine_id=engine_id, started_at=time()))
        return number

    def close_segment(self, run_id: int, number: int, observed: dict[str, Any]) -> None:
        with self._session.begin() as session:
            session.execute(
                update(SegmentRow)
                .where(SegmentRow.run_id == run_id, SegmentRow.number == number)
                .values(observed=observed)
            )

    def segments(self, run_id: int) -> list[SegmentRow]:
        query = select(SegmentRow).where(SegmentRow.run_id == run_id).order_by(SegmentRow.number)
        with self._session() as session:
            return list(session.scalars(query))

    def save_requests(self, run_id: int, segment: int, records: Sequence[Mapping[str, Any]]) -> None:
        """One transaction; when it returns, the records (columns of RequestRow) survive a killed process.

        By the plain table, not the class: the ORM would copy every row once more.
        """
        rows = [{"run_id": run_id, "segment": segment, **record} for record in records]
        with self._session.begin() as session:
            session.connection().execute(insert(REQUESTS), rows)

    def set_client_tokens(self, run_id: int, counts: Mapping[int, tuple[int | None, int | None]]) -> None:
        """(prompt, completion) tokens as Rung counts them, by the request's position."""
        rows = [
            {"run_id": run_id, "position": position, "client_prompt_tokens": sent, "client_completion_tokens": got}
            for position, (sent, got) in counts.items()
        ]
        if rows:
            with self._session.begin() as session:
                session.execute(update(RequestRow), rows)

    def finished_positions(self, run_id: int) -> set[int]:
        with self._session() as session:
            return set(session.scalars(select(RequestRow.position).where(RequestRow.run_id == run_id)))

    def requests(self, run_id: int) -> list[RequestRow]:
        """Every finished request, in prompt order."""
        query = select(RequestRow).where(RequestRow.run_id == run_id).order_by(RequestRow.position)
        with self._session() as session:
            return list(session.scalars(query))

    def request_values(self, run_id: int, names: Sequence[str]) -> list[tuple[Any, ...]]:
        """Those columns of every finished request, in prompt order: a third of the time that whole rows take."""
        query = select(*(REQUESTS.c[name] for name in names)).where(REQUESTS.c.run_id == run_id)
        with self._session() as session:
            return [tuple(row) for row in session.execute(query.order_by(REQUESTS.c.position))]

    def _update(self, run_id: int, **values: Any) -> None:
        with self._session.begin() as session:
            session.execute(update(RunRow).where(RunRow.id == run_id).values(**values))
