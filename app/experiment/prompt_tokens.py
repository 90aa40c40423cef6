"""A prompt set as the token ids that an engine sees, kept for as long as set and tokenizer stay the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from app.prompts.encoding import Encoder, fingerprint
from app.prompts.prompt_set import PromptSet
from app.prompts.token_counts import token_ids_by_transformers

Tokens = tuple[tuple[int, ...] | None, ...]
_kept: dict[tuple[str, str, bool], Tokens | None] = {}
KEPT = 16


def prompt_tokens(folder: Path, prompt_set: PromptSet, chat: bool, quick: bool = False) -> Tokens | None:
    """Ids of each prompt, None for one that the chat template refuses; None as a whole for a tokenizer that nothing
    here can read. `chat` is whether the checkpoint has a chat template. `quick` does without the tokenizers for which
    transformers has to be loaded."""
    key = (prompt_set.content_hash, fingerprint(folder), chat)
    if key in _kept:
        return _kept[key]
    encoder = _encoder(folder, key[1])
    if encoder is None and quick:
        return None
    while len(_kept) >= KEPT:
        _kept.pop(next(iter(_kept)))
    found = encoder.encode(prompt_set.prompts, chat) if encoder else None
    _kept[key] = tuple(found) if found else token_ids_by_transformers(folder, prompt_set, chat)
    return _kept[key]


def answer_tokens(folder: Path, texts: Sequence[str]) -> list[tuple[int, ...]]:
    """Ids of answers; none where the tokenizer cannot be read the short way."""
    encoder = _encoder(folder, fingerprint(folder))
    return [encoder.ids(text) if encoder and text else () for text in texts]


def token_text(folder: Path, ids: Sequence[int]) -> str:
    """What the ids stand for; empty where the tokenizer cannot be read the short way."""
    encoder = _encoder(folder, fingerprint(folder))
    return encoder.text(ids) if encoder else ""


@lru_cache(maxsize=8)
def _encoder(folder: Path, _fingerprint: str) -> Encoder | None:
    return Encoder.of(folder)
