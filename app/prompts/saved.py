"""Prompt sets between files, the built-in starter sets and the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.paths import existing_path
from app.prompts.files import read_prompt_file, slug
from app.prompts.prompt import Prompt, PromptSet
from optimizers.errors import InputError
from store.prompt_sets import NewPromptSet
from store.settings import ROOT
from store.store import Store
from store.tables import PromptSetRow

STARTER_FOLDER = ROOT / "starter" / "prompts"
STARTER_SETS = ("support-desk", "multi-turn", "few-shot", "unique")


def load_prompt_set(store: Store, prompt_set_id: int, limit: int | None = None) -> PromptSet:
    row = store.prompt_sets.get(prompt_set_id)
    prompts = tuple(Prompt.from_json(body) for body in store.prompt_sets.bodies(prompt_set_id))
    return PromptSet(row.name, prompts, row.title, row.description, row.score).limited(limit)


def save_prompt_set(store: Store, prompt_set: PromptSet, source: str) -> tuple[PromptSetRow, bool]:
    """Saves under the set's name; (row, was it new). Refuses a taken name with other prompts."""
    new = NewPromptSet(
        name=slug(prompt_set.name),
        title=prompt_set.title,
        description=prompt_set.description,
        content_hash=prompt_set.content_hash,
        source=source,
        bodies=[prompt.to_json() for prompt in prompt_set.prompts],
        score=prompt_set.score,
    )
    return store.prompt_sets.add(new)


def import_file(
    store: Store, path: Path, name: str | None = None, score: str | None = None
) -> tuple[PromptSetRow, bool]:
    return save_prompt_set(store, read_prompt_file(path, slug(name or path.stem), score), path.name)


def find_prompts(store: Store, set_or_file: str) -> PromptSetRow:
    """The set that a person named: a saved name first, then a built-in one, then a file, which is saved.

    A file whose name is taken by other prompts is saved under the name with its content hash appended.
    """
    known = store.prompt_sets.find(set_or_file)
    if known is not None:
        return known
    if set_or_file in STARTER_SETS:
        return import_file(store, STARTER_FOLDER / f"{set_or_file}.jsonl")[0]
    path = existing_path(set_or_file)
    if path is None:
        names = ", ".join(sorted({*STARTER_SETS, *(row.name for row in store.prompt_sets.all())}))
        raise InputError(f"there is no prompt set or file {set_or_file!r}; saved sets: {names}")
    prompt_set = read_prompt_file(path, slug(path.stem))
    taken = store.prompt_sets.find(prompt_set.name)
    if taken is not None and taken.content_hash != prompt_set.content_hash:
        prompt_set = replace(prompt_set, name=f"{prompt_set.name[:70]}-{prompt_set.content_hash[:7]}")
    return save_prompt_set(store, prompt_set, path.name)[0]


def save_starter_sets(store: Store) -> None:
    """Makes the built-in sets visible in the store; sets whose name a person has taken are left alone."""
    for name in STARTER_SETS:
        if store.prompt_sets.find(name) is None:
            import_file(store, STARTER_FOLDER / f"{name}.jsonl")
