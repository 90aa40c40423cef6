"""Prompt sets between files, the built-in starter sets and the store."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from app.paths import existing_path
from app.prompts.dialects import AS_NAMED, Columns
from app.prompts.draft import Draft
from app.prompts.files import draft_of_file, read_prompt_file, slug
from app.prompts.prompt_set import PromptSet
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from store.prompt_sets import NewPromptSet
from store.settings import ROOT
from store.store import Store
from store.tables import PromptSetRow

STARTER_FOLDER = ROOT / "starter" / "prompts"
STARTER_SETS = ("support-desk", "multi-turn", "few-shot", "unique", "extraction", "long-chat")
_STARTER_SOURCE = "starter/"
"""How the source of a built-in set begins. A person's file is noted by its bare name, which holds no slash."""
_FIRST_STARTER_SETS = frozenset(
    {
        "84d70e1e81128819010ddf6f6a8503a7e7083322bfc13d2bc93f82950070ea87",
        "ae8862b63e406d010c8008890ec57d41cf572fc40a1406b63d6e507b8caf11cf",
        "0c3014500fca0565ea447cd6c32f167f4aeb0920f6147fa2958fafe056f3f280",
        "e1ab9e2b2d25a0da512417f6967d71dad7e1b62dc167f7f38f31e924dda73009",
    }
)
"""Content hashes of the built-in sets that were saved before their source said so."""


def load_prompt_set(store: Store, prompt_set_id: int, limit: int | None = None) -> PromptSet:
    row = store.prompt_sets.get(prompt_set_id)
    prompts = tuple(Prompt.from_json(body) for body in store.prompt_sets.bodies(prompt_set_id))
    return PromptSet(row.name, prompts, row.title, row.description, row.score).limited(limit)


def save_prompt_set(store: Store, prompt_set: PromptSet, source: str) -> tuple[PromptSetRow, bool]:
    """Saves under the set's name; (row, was it new). Refuses a taken name with other prompts."""
    return store.prompt_sets.add(_new(prompt_set, source))


def save_in_place(store: Store, old_id: int, prompt_set: PromptSet, source: str) -> PromptSetRow:
    """Saves in the place of a set that no experiment rests on. Raises InputError."""
    return store.prompt_sets.replace(old_id, _new(prompt_set, source))


def _new(prompt_set: PromptSet, source: str) -> NewPromptSet:
    return NewPromptSet(
        name=slug(prompt_set.name),
        title=prompt_set.title,
        description=prompt_set.description,
        content_hash=prompt_set.content_hash,
        source=source,
        bodies=[prompt.to_json() for prompt in prompt_set.prompts],
        score=prompt_set.score,
    )


def import_file(
    store: Store,
    path: Path,
    name: str | None = None,
    score: str | None = None,
    columns: Columns = AS_NAMED,
    good_rows_only: bool = False,
) -> tuple[PromptSetRow, bool, Draft]:
    """(row, was it new, what the file held). Raises InputError for the first bad row, unless the good ones will do."""
    draft = draft_of_file(path, score, columns, strict=not good_rows_only)
    row, new = save_prompt_set(store, draft.prompt_set(slug(name or path.stem)), path.name)
    return row, new, draft


def find_prompts(store: Store, set_or_file: str) -> PromptSetRow:
    """The set that a person named: a saved name first, then a built-in one, then a file, which is saved.

    A file whose name is taken by other prompts is saved under the name with its content hash appended.
    """
    if set_or_file in STARTER_SETS:
        return _starter_row(store, set_or_file)
    known = store.prompt_sets.find(set_or_file)
    if known is not None:
        return known
    path = existing_path(set_or_file)
    if path is None:
        names = ", ".join(sorted({*STARTER_SETS, *(row.name for row in store.prompt_sets.all())}))
        raise InputError(f"there is no prompt set or file {set_or_file!r}; saved sets: {names}")
    prompt_set = read_prompt_file(path, slug(path.stem))
    taken = store.prompt_sets.find(prompt_set.name)
    if taken is not None and taken.content_hash != prompt_set.content_hash:
        prompt_set = replace(prompt_set, name=_with_hash(prompt_set.name, prompt_set.content_hash))
    return save_prompt_set(store, prompt_set, path.name)[0]


def save_under_free_name(store: Store, prompt_set: PromptSet, source: str) -> PromptSetRow:
    """The saved set of that content, whatever its name; else a new one, with its hash in a name that is taken."""
    known = next((row for row in store.prompt_sets.all() if row.content_hash == prompt_set.content_hash), None)
    if known is not None:
        return known
    if store.prompt_sets.find(slug(prompt_set.name)) is not None:
        prompt_set = replace(prompt_set, name=_with_hash(prompt_set.name, prompt_set.content_hash))
    return save_prompt_set(store, prompt_set, source)[0]


def save_starter_sets(store: Store) -> None:
    """Makes the built-in sets visible in the store; sets whose name a person has taken are left alone."""
    for name in STARTER_SETS:
        _starter_row(store, name)


def _starter_row(store: Store, name: str) -> PromptSetRow:
    """The built-in set as this version has it, or what a person saved under its name.

    A set never changes once saved, so the set of an older version stays, with the experiments that used it, and gives
    only its name away.
    """
    made = _starter_set(name)
    known = store.prompt_sets.find(name)
    if known is not None and known.content_hash != made.content_hash and is_built_in(known):
        shorter, whole = (_with_hash(name, known.content_hash, digits) for digits in (7, 64 - len(name)))
        taken = store.prompt_sets.find(shorter) is not None
        store.prompt_sets.rename(known.id, whole if taken else shorter)
        known = None
    return known or save_prompt_set(store, made, f"{_STARTER_SOURCE}{name}.jsonl")[0]


@cache
def _starter_set(name: str) -> PromptSet:
    return read_prompt_file(STARTER_FOLDER / f"{name}.jsonl", name)


def is_built_in(row: PromptSetRow) -> bool:
    """Whether the set came with Rung, and comes again when it is removed."""
    return row.source.startswith(_STARTER_SOURCE) or row.content_hash in _FIRST_STARTER_SETS


def _with_hash(name: str, content_hash: str, digits: int = 7) -> str:
    return f"{name[:70]}-{content_hash[:digits]}"
