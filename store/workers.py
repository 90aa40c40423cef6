"""The worker's heartbeat, so that pages can tell a working worker from a dead one."""

from __future__ import annotations

from time import time

from sqlalchemy.orm import Session, sessionmaker

from store.tables import WorkerRow

STALE_AFTER_S = 10.0


class Workers:
    def __init__(self, session: sessionmaker[Session]) -> None:
        self._session = session

    def register(self, pid: int, pid_started_at: float, host: str) -> None:
        now = time()
        with self._session.begin() as session:
            session.merge(
                WorkerRow(id=1, pid=pid, pid_started_at=pid_started_at, host=host, started_at=now, heartbeat_at=now)
            )

    def beat(self) -> None:
        with self._session.begin() as session:
            row = session.get(WorkerRow, 1)
            if row is not None:
                row.heartbeat_at = time()

    def current(self) -> WorkerRow | None:
        with self._session() as session:
            return session.get(WorkerRow, 1)

    def alive(self) -> bool:
        row = self.current()
        return row is not None and time() - row.heartbeat_at < STALE_AFTER_S

    def sign_off(self) -> None:
        """Ages the heartbeat, so that nobody waits for a worker that has ended in good order."""
        with self._session.begin() as session:
            row = session.get(WorkerRow, 1)
            if row is not None:
                row.heartbeat_at = 0.0
