"""What people keep by name, in one table for all kinds: recipes, scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from optimizers.errors import InputError
from store.tables import SavedRow

LONGEST_NAME = 80


class Saved:
    def __init__(self, session: sessionmaker[Session]) -> None:
        self._session = session

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Name -> content, by name."""
        with self._session() as session:
            rows = session.scalars(select(SavedRow).where(SavedRow.kind == kind).order_by(SavedRow.name))
            return {row.name: row.content for row in rows}

    def keep(self, kind: str, name: str, content: Mapping[str, Any], in_place: bool = False) -> str:
        """Saves under a name, and returns that name without the spaces around it. Raises InputError for a name that is
        empty or longer than 80 characters, and for one that is taken, unless it is to be `in_place` of what has it."""
        name = name.strip()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise InputError(f"a {kind}'s name has 1 to {LONGEST_NAME} printable characters; choose another")
        with self._session.begin() as session:
            row = session.scalar(select(SavedRow).where(SavedRow.kind == kind, SavedRow.name == name))
            if row is None:
                session.add(SavedRow(kind=kind, name=name, content=dict(content), created_at=time()))
            elif not in_place:
                raise InputError(f"there is a {kind} called {name} already; choose another name, or say to replace it")
            else:
                row.content, row.created_at = dict(content), time()
        return name

    def forget(self, kind: str, name: str) -> None:
        with self._session.begin() as session:
            session.execute(delete(SavedRow).where(SavedRow.kind == kind, SavedRow.name == name))
