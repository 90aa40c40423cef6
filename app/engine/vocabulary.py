"""Which tokens a checkpoint knows, read from its tokenizer.json. Loads no tokenizer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any


def read_vocabulary(folder: Path) -> Mapping[str, int] | None:
    """Token -> number, added tokens included; None where there is no tokenizer.json that says so."""
    path = folder / "tokenizer.json"
    try:
        state = path.stat()
    except OSError:
        return None
    return _vocabulary(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _vocabulary(path: Path, changed_ns: int, size: int) -> Mapping[str, int] | None:
    """Kept while the file stays as it is: every rung of a plan asks for it, and it may be ten megabytes."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        tokens = _numbered(document["model"]["vocab"])
        return tokens | {str(added["content"]): int(added["id"]) for added in document.get("added_tokens") or ()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _numbered(vocab: Any) -> dict[str, int]:
    """Unigram models list (token, score) pairs in the order of their numbers; the others map tokens to numbers."""
    if isinstance(vocab, list):
        return {str(token): number for number, (token, _) in enumerate(vocab)}
    return {str(token): int(number) for token, number in vocab.items()}
