"""Prompt sets in the store. The prompts of a set never change once saved: other content needs another name, or takes
the place of a set that no experiment rests on. Names and tags may change: experiments know their set by its number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from optimizers.errors import InputError
from store.tables import ExperimentRow, PromptRow, PromptSetRow

LONGEST_TAG = 40


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


def tag_of(text: str) -> str:
    """A tag as it is stored: lower case, words of letters and digits parted by hyphens. Raises InputError."""
    made = "-".join(re.findall(r"[^\W_]+", text.lower()))[:LONGEST_TAG].strip("-")
    if not made:
        raise InputError(f"{text!r} is no usable tag; use letters and digits")
    return made


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

    def replace(self, old_id: int, new: NewPromptSet) -> PromptSetRow:
        """Puts a set in the place of another, its tags included, in one transaction. Raises InputError where an
        experiment rests on the old set, or another set has the new one's name."""
        with self._session.begin() as session:
            old = session.get(PromptSetRow, old_id)
            if old is None:
                raise InputError("the old set is no longer there; save this one under a name of its own")
            _refuse_used(session, old)
            tags = list(old.tags)
            session.delete(old)
            session.flush()
            row = _insert(session, new)
            row.tags = tags
        return row

    def _add(self, new: NewPromptSet) -> tuple[PromptSetRow, bool]:
        with self._session.begin() as session:
            known = session.scalar(select(PromptSetRow).where(PromptSetRow.name == new.name))
            if known is not None and known.content_hash == new.content_hash:
                return known, False
            row = _insert(session, new)
        return row, True

    def rename(self, prompt_set_id: int, name: str, title: str | None = None, description: str | None = None) -> None:
        """Gives a set another name, and other words where there are some. Raises InputError where another set has the
        name."""
        given = {"name": name, "title": title, "description": description}
        values = {key: text for key, text in given.items() if text is not None}
        try:
            with self._session.begin() as session:
                session.execute(update(PromptSetRow).where(PromptSetRow.id == prompt_set_id).values(values))
        except IntegrityError:
            raise InputError(f"a prompt set named {name!r} exists; choose another name") from None

    def retag(self, prompt_set_id: int, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...]:
        """The set's tags after the change, in order. Raises InputError for a tag without a letter or digit."""
        added, removed = ({tag_of(tag) for tag in tags} for tags in (add, remove))
        with self._session.begin() as session:
            row = session.get(PromptSetRow, prompt_set_id)
            if row is None:
                raise InputError(f"there is no prompt set with the number {prompt_set_id}")
            row.tags = sorted((set(row.tags) | added) - removed)
            return tuple(row.tags)

    def experiments_on(self, prompt_set_id: int) -> int:
        """How many experiments rest on the set."""
        with self._session() as session:
            return _users(session)[prompt_set_id]

    def remove(self, name: str) -> None:
        """Removes a set that no experiment used; experiments keep theirs, so that they stay repeatable."""
        row = self.find(name)
        if row is None:
            raise InputError(f"there is no prompt set named {name!r}")
        with self._session.begin() as session:
            _refuse_used(session, row)
            session.execute(delete(PromptSetRow).where(PromptSetRow.id == row.id))


def _insert(session: Session, new: NewPromptSet) -> PromptSetRow:
    if session.scalar(select(PromptSetRow.id).where(PromptSetRow.name == new.name)) is not None:
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
        tags=[],
        created_at=time(),
    )
    session.add(row)
    session.flush()
    bodies = enumerate(new.bodies)
    session.execute(insert(PromptRow), [{"prompt_set_id": row.id, "position": at, "body": body} for at, body in bodies])
    return row


def _users(session: Session) -> Counter[int | None]:
    return Counter(spec.get("prompt_set_id") for spec in session.scalars(select(ExperimentRow.spec)))


def _refuse_used(session: Session, row: PromptSetRow) -> None:
    if _users(session)[row.id]:
        raise InputError(f"the prompt set {row.name!r} belongs to an experiment and is kept with it")
