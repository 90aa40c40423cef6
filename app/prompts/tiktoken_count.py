"""Token counts by tiktoken, where one of its vocabularies is on this machine. Never downloads one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from optimizers.jobs.tiktoken_files import CACHE_NAMES, PACKAGE, encoding
from optimizers.prompt import Prompt

DEFAULT_ENCODING = "o200k_base"
WHY_NONE = f"tiktoken has no vocabulary on this machine; the package {PACKAGE} carries them"


def local_vocabulary() -> Any | None:
    """The newest tiktoken encoding that is here, or None."""
    return next((found for name in CACHE_NAMES if (found := encoding(name)) is not None), None)


def count_by_tiktoken(encoding: Any, prompts: Iterable[Prompt]) -> list[int]:
    """Of each prompt's plain text: a chat template belongs to a model, and tiktoken's models have none to read."""
    return _counted(encoding, (prompt.plain_text() for prompt in prompts))


def count(texts: Sequence[str], name: str = DEFAULT_ENCODING) -> list[int] | None:
    """Tokens of each text, or None where the vocabulary is missing (WHY_NONE says it in words)."""
    known = encoding(name)
    return None if known is None else _counted(known, texts)


def _counted(known: Any, texts: Iterable[str]) -> list[int]:
    """A text may hold what looks like a special token; it is text all the same."""
    return [len(known.encode(text, disallowed_special=())) for text in texts]
