"""Rung's own token counts, beside the server's, with the model's tokenizer. Runs outside the timed path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from app.prompts.prompt_set import PromptSet
from app.replay.record import RequestRecord
from optimizers.errors import InputError
from optimizers.prompt import Prompt

# transformers puts a lazy module in its own place while it is imported: two threads at once find it half made.
_loading = Lock()


@cache
def _tokenizer(folder: Path) -> Any | None:
    """None for a tokenizer that the installed libraries cannot read; the engine may still know it."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError, AttributeError):
        return None


def load_tokenizer(folder: Path) -> None:
    """Loads it ahead of time, so that the seconds it takes pass while the engine starts."""
    read_tokenizer(folder)


def read_tokenizer(folder: Path) -> Any | None:
    """The model's tokenizer, None when it cannot be loaded here."""
    with _loading:
        return _tokenizer(folder)


def count_tokens(
    folder: Path, prompt_set: PromptSet, records: Iterable[RequestRecord], chat: bool
) -> dict[int, tuple[int | None, int | None]]:
    """(prompt, completion) token counts by position; empty when the tokenizer cannot be loaded."""
    tokenizer = read_tokenizer(folder)
    if tokenizer is None:
        return {}
    counts: dict[int, tuple[int | None, int | None]] = {}
    for record in records:
        sent = _prompt_tokens(tokenizer, prompt_set.prompts[record.position], chat)
        got = len(tokenizer(record.text, add_special_tokens=False)["input_ids"]) if record.text else 0
        counts[record.position] = (sent, got)
    return counts


def count_prompts(folder: Path, prompts: Sequence[Prompt], chat: bool) -> list[int | None]:
    """Tokens of each prompt as it is sent; None where they cannot be told."""
    tokenizer = read_tokenizer(folder)
    return [None if tokenizer is None else _prompt_tokens(tokenizer, prompt, chat) for prompt in prompts]


def count_texts(folder: Path, texts: Sequence[str]) -> list[int]:
    """Tokens of each text alone. Raises InputError for a tokenizer that cannot be read."""
    tokenizer = read_tokenizer(folder)
    if tokenizer is None:
        raise InputError(f"the tokenizer in {folder} cannot be read, so tokens cannot be counted")
    return [len(ids) for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]] if texts else []


def _prompt_tokens(tokenizer: Any, prompt: Prompt, chat: bool) -> int | None:
    if prompt.is_chat and chat:
        return _chat_tokens(tokenizer, prompt.rendered_messages())
    return len(tokenizer(prompt.plain_text())["input_ids"])


def token_ids_by_transformers(
    folder: Path, prompt_set: PromptSet, chat: bool
) -> tuple[tuple[int, ...] | None, ...] | None:
    """Ids of each prompt, for tokenizers that have no tokenizer.json; None when it cannot be loaded."""
    with _loading:
        tokenizer = _tokenizer(folder)
    if tokenizer is None:
        return None
    found = (
        _chat_ids(tokenizer, prompt.rendered_messages())
        if prompt.is_chat and chat
        else tokenizer(prompt.plain_text())["input_ids"]
        for prompt in prompt_set.prompts
    )
    return tuple(None if ids is None else tuple(ids) for ids in found)


def _chat_tokens(tokenizer: Any, messages: list[dict[str, str]]) -> int | None:
    ids = _chat_ids(tokenizer, messages)
    return None if ids is None else len(ids)


def _chat_ids(tokenizer: Any, messages: list[dict[str, str]]) -> list[int] | None:
    from jinja2 import TemplateError

    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except (TemplateError, ValueError, TypeError):
        return None
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
