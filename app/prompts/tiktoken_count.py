"""Token counts by tiktoken, where one of its vocabularies is on this machine. Never downloads one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn
from unittest.mock import patch

from optimizers.prompt import Prompt

VOCABULARIES = ("o200k_base", "cl100k_base")


class _NotHereError(Exception):
    """Raised in place of a download."""


def local_vocabulary() -> Any | None:
    """The newest tiktoken encoding that is in tiktoken's own cache (`TIKTOKEN_CACHE_DIR`), or None."""
    import tiktoken

    for name in VOCABULARIES:
        try:
            with patch("tiktoken.load.read_file", _refuse):
                return tiktoken.get_encoding(name)
        except _NotHereError:
            continue
    return None


def count_by_tiktoken(encoding: Any, prompts: Iterable[Prompt]) -> list[int]:
    """Of each prompt's plain text: a chat template belongs to a model, and tiktoken's models have none to read."""
    return [len(encoding.encode(prompt.plain_text(), disallowed_special=())) for prompt in prompts]


def _refuse(*_given: Any) -> NoReturn:
    raise _NotHereError
