"""A prompt set counted by every tokenizer on this machine: tiktoken's vocabularies and the models' own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from app.engine.builtin import builtin_places, read_known
from app.engine.hub import HUB_ID, cached
from app.experiment.prompt_stats import TokenCounts
from app.experiment.prompt_tokens import prompt_tokens
from app.paths import existing_path
from app.prompts.encoding import fingerprint
from app.prompts.prompt_set import PromptSet
from app.prompts.tiktoken_count import count_by_tiktoken
from optimizers.errors import InputError
from optimizers.jobs.tiktoken_files import CACHE_NAMES, PACKAGE, encoding
from store.settings import Settings
from store.store import Store

NO_VOCABULARY = f"could not be loaded: its vocabulary is not on this machine; the package {PACKAGE} carries it"
SLOW = "could not be loaded: no tokenizer.json; `python -m app prompts stats --model` reads it the slow way"


@dataclass(frozen=True)
class Counted:
    """A tokenizer by the names of all that have it. `counts` is None where nothing was counted, and `why` says why."""

    names: tuple[str, ...]
    counts: TokenCounts | None
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"names": list(self.names), "counts": self.counts and asdict(self.counts), "why": self.why or None}


def local_models(store: Store, settings: Settings) -> tuple[tuple[str, Path], ...]:
    """(name, folder) of the built-in models and of the saved ones that are on this machine."""
    saved = ((row.name, existing_path(row.location) or _downloaded(row.location)) for row in store.models.all())
    return (*builtin_places(settings), *((name, folder) for name, folder in saved if folder is not None))


def _downloaded(location: str) -> Path | None:
    return cached(location) if HUB_ID.match(location) else None


def count_by_all(prompt_set: PromptSet, models: Iterable[tuple[str, Path]]) -> tuple[Counted, ...]:
    """tiktoken's encodings first. Chats are counted with the model's chat template, by tiktoken as plain text."""
    by_encoding = [_by_tiktoken(prompt_set, name) for name in CACHE_NAMES]
    by_model: dict[str, Counted] = {}
    for name, folder in models:
        key = fingerprint(folder)
        if key in by_model:
            by_model[key] = replace(by_model[key], names=(*by_model[key].names, name))
            continue
        found = _by_model(prompt_set, name, folder)
        # What is wrong with one folder says nothing of another.
        by_model[key if found.counts else name] = found
    return (*by_encoding, *by_model.values())


def _by_tiktoken(prompt_set: PromptSet, name: str) -> Counted:
    known = encoding(name)
    if known is None:
        return Counted((f"tiktoken {name}",), None, NO_VOCABULARY)
    counts = count_by_tiktoken(known, prompt_set.prompts)
    return Counted((f"tiktoken {name}",), TokenCounts.of(name, counts))


def _by_model(prompt_set: PromptSet, name: str, folder: Path) -> Counted:
    try:
        checkpoint = read_known(folder, name)
    except InputError as error:
        return Counted((name,), None, str(error))
    tokens = prompt_tokens(checkpoint.folder, prompt_set, checkpoint.has_chat_template, quick=True)
    if tokens is None:
        return Counted((name,), None, SLOW)
    known = [ids for ids in tokens if ids is not None]
    if len(known) < len(tokens):
        refused = prompt_set.prompts[tokens.index(None)].id
        return Counted((name,), None, f"its chat template refuses the prompt {refused!r}")
    return Counted((name,), TokenCounts.of(name, [len(ids) for ids in known]))
