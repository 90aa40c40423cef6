"""Engines in the store: what was launched and by which process, so that orphans can be found and reaped."""

from __future__ import annotations

from time import time
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from store.tables import EngineRow

ALIVE = ("starting", "ready")


class Engines:
    def __init__(self, session: sessionmaker[Session]) -> None:
        self._session = session

    def request(self, spec: dict[str, Any]) -> int:
        """A person asks for an engine of their own; the worker starts it. Its id."""
        return self._add(EngineRow(purpose="person", status="requested", spec=spec, created_at=time()))

    def add(self, spec: dict[str, Any], plan: dict[str, Any] | None, experiment_id: int) -> int:
        """An engine that an experiment needs; its id."""
        row = EngineRow(
            purpose="experiment",
            status="starting",
            spec=spec,
            plan=plan,
            experiment_id=experiment_id,
            created_at=time(),
        )
        return self._add(row)

    def get(self, engine_id: int) -> EngineRow | None:
        with self._session() as session:
            return session.get(EngineRow, engine_id)

    def next_requested(self) -> EngineRow | None:
        query = select(EngineRow).where(EngineRow.status == "requested").order_by(EngineRow.id).limit(1)
        with self._session() as session:
            return session.scalar(query)

    def alive(self) -> list[EngineRow]:
        """Engines that are recorded as starting or ready, newest first."""
        query = select(EngineRow).where(EngineRow.status.in_(ALIVE)).order_by(EngineRow.id.desc())
        with self._session() as session:
            return list(session.scalars(query))

    def latest(self, purpose: str | None = None) -> EngineRow | None:
        query = select(EngineRow).order_by(EngineRow.id.desc()).limit(1)
        if purpose is not None:
            query = query.where(EngineRow.purpose == purpose)
        with self._session() as session:
            return session.scalar(query)

    def start_seconds(self, experiment_id: int) -> list[float]:
        """How long each engine of the experiment took to be ready, of those that ever were."""
        query = select(EngineRow.ready_at - EngineRow.created_at).where(
            EngineRow.experiment_id == experiment_id, EngineRow.ready_at.is_not(None)
        )
        with self._session() as session:
            return [seconds for seconds in session.scalars(query) if seconds is not None]

    def launched(
        self, engine_id: int, pid: int, pid_started_at: float, base_url: str, log_path: str, plan: dict[str, Any]
    ) -> None:
        self._update(
            engine_id, status="starting", pid=pid, pid_started_at=pid_started_at, base_url=base_url,
            log_path=log_path, plan=plan,
        )  # fmt: skip

    def ready(self, engine_id: int, base_url: str) -> None:
        self._update(engine_id, status="ready", ready_at=time(), base_url=base_url)

    def stopped(self, engine_id: int, error: str | None = None, in_good_order: bool = False) -> None:
        """`error` makes it a failure, unless it only says why an engine was stopped `in_good_order`."""
        status = "stopped" if error is None or in_good_order else "failed"
        self._update(engine_id, status=status, error=error, stopped_at=time(), stop_requested=False)

    def request_stop(self, engine_id: int) -> None:
        with self._session.begin() as session:
            row = session.get(EngineRow, engine_id)
            if row is not None and row.status == "requested":
                row.status, row.stopped_at = "stopped", time()
            elif row is not None and row.status in ALIVE:
                row.stop_requested = True

    def _add(self, row: EngineRow) -> int:
        with self._session.begin() as session:
            session.add(row)
            session.flush()
            return row.id

    def _update(self, engine_id: int, **values: Any) -> None:
        with self._session.begin() as session:
            session.execute(update(EngineRow).where(EngineRow.id == engine_id).values(**values))
