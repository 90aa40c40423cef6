"""Experiments that another tool measured, brought in from its files."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from store.tables import ExperimentRow
from store.whole import ExperimentCopy, write_experiment

IMPORTED = "imported"


class Imports:
    def __init__(self, session: sessionmaker[Session]) -> None:
        self._session = session

    def find(self, sha256: str) -> int | None:
        """The experiment that came from a file of that content."""
        query = select(ExperimentRow.id, ExperimentRow.spec).where(ExperimentRow.kind == IMPORTED)
        with self._session() as session:
            return next((row.id for row in session.execute(query) if row.spec["source"]["sha256"] == sha256), None)

    def add(self, copy: ExperimentCopy) -> int:
        """The new experiment's id, all in one transaction."""
        with self._session.begin() as session:
            return write_experiment(session, copy)
