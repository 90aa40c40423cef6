"""Whole experiments as they were measured, out of one store and into another: runs, segments and requests, unchanged.

What is put in is marked in its specification under `recorded` and never counts as measured here.
"""

from __future__ import annotations

from time import time

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from store.experiments import RECORDED
from store.tables import ExperimentRow, SavedRow
from store.whole import ExperimentCopy, write_experiment

OFFERED = "recorded"
"""The kind under which `saved` keeps which recordings this store was given, so that a removed one stays away."""


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
            return write_experiment(session, copy)
