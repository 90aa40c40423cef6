"""Rung's own token counts, beside the server's, with the model's tokenizer. Runs outside the timed path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from app.prompts.prompt_set import PromptSet
from app.replay.record import RequestRecord

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
    with _loading:
        _tokenizer(folder)


def count_texts(folder: Path, texts: Sequence[str]) -> list[int] | None:
    """Tokens of each text by itself, or None when the tokenizer cannot be loaded."""
    with _loading:
        tokenizer = _tokenizer(folder)
    if tokenizer is None:
        return None
    return [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]


def count_tokens(
    folder: Path, prompt_set: PromptSet, records: Iterable[RequestRecord], chat: bool
) -> dict[int, tuple[int | None, int | None]]:
    """(prompt, completion) token counts by position; empty when the tokenizer cannot be loaded."""
    with _loading:
        tokenizer = _tokenizer(folder)
    if tokenizer is None:
        return {}
    counts: dict[int, tuple[int | None, int | None]] = {}
    for record in records:
        prompt = prompt_set.prompts[record.position]
        if prompt.is_chat and chat:
            sent = _chat_tokens(tokenizer, prompt.rendered_messages())
        else:
            sent = len(tokenizer(prompt.plain_text())["input_ids"])
        got = len(tokenizer(record.text, add_special_tokens=False)["input_ids"]) if record.text else 0
        counts[record.position] = (sent, got)
    return counts


def _chat_tokens(tokenizer: Any, messages: list[dict[str, str]]) -> int | None:
    from jinja2 import TemplateError

    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except (TemplateError, ValueError, TypeError):
        return None
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])
