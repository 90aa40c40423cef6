"""Tokens as OpenAI's models count them, offline. Does not count by a served model's tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from optimizers.jobs.tiktoken_files import PACKAGE, encoding

DEFAULT_ENCODING = "o200k_base"
WHY_NONE = f"tiktoken's vocabulary is not here: the package {PACKAGE} carries it"


def count(texts: Sequence[str], encoding_name: str = DEFAULT_ENCODING) -> list[int] | None:
    """Tokens of each text, or None where the vocabulary is missing (WHY_NONE says it in words)."""
    known = _encoding(encoding_name)
    # A text may hold what looks like a special token; it is text all the same.
    return None if known is None else [len(known.encode(text, disallowed_special=())) for text in texts]


@cache
def _encoding(name: str) -> Any | None:
    return encoding(name)
