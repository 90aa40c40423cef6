"""Checkpoints that people have added, by name."""

from __future__ import annotations

from time import time

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from optimizers.errors import InputError
from store.tables import ModelRow


class Models:
    def __init__(self, session: sessionmaker[Session]) -> None:
        self._session = session

    def all(self) -> list[ModelRow]:
        with self._session() as session:
            return list(session.scalars(select(ModelRow).order_by(ModelRow.name)))

    def find(self, name: str) -> ModelRow | None:
        with self._session() as session:
            return session.scalar(select(ModelRow).where(ModelRow.name == name))

    def add(self, name: str, location: str) -> ModelRow:
        """Saves a model; the same name for another location is refused."""
        known = self.find(name)
        if known is not None:
            if known.location == location:
                return known
            raise InputError(f"a model named {name!r} exists at another place; give this one another name")
        row = ModelRow(name=name, location=location, created_at=time())
        with self._session.begin() as session:
            session.add(row)
        return row

    def remove(self, name: str) -> None:
        """Forgets the name; the files stay where they are."""
        with self._session.begin() as session:
            session.execute(delete(ModelRow).where(ModelRow.name == name))
