"""Prompt sets in the store. A set never changes once saved: other content needs another name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from optimizers.errors import InputError
from store.tables import ExperimentRow, PromptRow, PromptSetRow


@dataclass(frozen=True)
class NewPromptSet:
    """A set to save: `bodies` are the prompts' native rows in order, `content_hash` their hash, `score` the rule by
    which answers are judged."""

    name: str
    title: str
    description: str
    content_hash: str
    source: str
    bodies: Sequence[dict[str, Any]]
    score: str = "contains"


class PromptSets:
    def __init__(self, session: sessionmaker[Session]) -> None:
        self._session = session

    def all(self) -> list[PromptSetRow]:
        with self._session() as session:
            return list(session.scalars(select(PromptSetRow).order_by(PromptSetRow.name)))

    def find(self, name: str) -> PromptSetRow | None:
        with self._session() as session:
            return session.scalar(select(PromptSetRow).where(PromptSetRow.name == name))

    def get(self, prompt_set_id: int) -> PromptSetRow:
        with self._session() as session:
            row = session.get(PromptSetRow, prompt_set_id)
        if row is None:
            raise InputError(f"there is no prompt set with the number {prompt_set_id}")
        return row

    def bodies(self, prompt_set_id: int) -> list[dict[str, Any]]:
        """The prompts' native rows, in order."""
        query = select(PromptRow.body).where(PromptRow.prompt_set_id == prompt_set_id)
        with self._session() as session:
            return list(session.scalars(query.order_by(PromptRow.position)))

    def add(self, new: NewPromptSet) -> tuple[PromptSetRow, bool]:
        """Saves a set in one transaction; (row, was it new). The same name with other prompts is refused."""
        try:
            return self._add(new)
        except IntegrityError:
            # Another process saved a set of that name between our look and our insert; now it can be seen.
            return self._add(new)

    def _add(self, new: NewPromptSet) -> tuple[PromptSetRow, bool]:
        with self._session.begin() as session:
            known = session.scalar(select(PromptSetRow).where(PromptSetRow.name == new.name))
            if known is not None:
                if known.content_hash == new.content_hash:
                    return known, False
                raise InputError(
                    f"a prompt set named {new.name!r} exists with other prompts or another rule; "
                    "give this one another name (--name), or remove the old one"
                )
            row = PromptSetRow(
                name=new.name,
                title=new.title,
                description=new.description,
                content_hash=new.content_hash,
                source=new.source,
                score=new.score,
                size=len(new.bodies),
                created_at=time(),
            )
            session.add(row)
            session.flush()
            session.execute(
                insert(PromptRow),
                [
                    {"prompt_set_id": row.id, "position": position, "body": body}
                    for position, body in enumerate(new.bodies)
                ],
            )
        return row, True

    def rename(self, prompt_set_id: int, name: str) -> None:
        """Gives a set another name; experiments know their set by its number and keep it."""
        with self._session.begin() as session:
            session.execute(update(PromptSetRow).where(PromptSetRow.id == prompt_set_id).values(name=name))

    def remove(self, name: str) -> None:
        """Removes a set that no experiment used; experiments keep theirs, so that they stay repeatable."""
        row = self.find(name)
        if row is None:
            raise InputError(f"there is no prompt set named {name!r}")
        with self._session.begin() as session:
            for spec in session.scalars(select(ExperimentRow.spec)):
                if spec.get("prompt_set_id") == row.id:
                    raise InputError(f"the prompt set {name!r} belongs to an experiment and is kept with it")
            session.execute(delete(PromptSetRow).where(PromptSetRow.id == row.id))
