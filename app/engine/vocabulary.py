"""Which tokens a checkpoint knows, read from its tokenizer.json. Loads no tokenizer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_vocabulary(folder: Path) -> Mapping[str, int] | None:
    """Token -> number, added tokens included; None where there is no tokenizer.json that says so."""
    try:
        document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        tokens = _numbered(document["model"]["vocab"])
        return tokens | {str(added["content"]): int(added["id"]) for added in document.get("added_tokens") or ()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _numbered(vocab: Any) -> dict[str, int]:
    """Unigram models list (token, score) pairs in the order of their numbers; the others map tokens to numbers."""
    if isinstance(vocab, list):
        return {str(token): number for number, (token, _) in enumerate(vocab)}
    return {str(token): int(number) for token, number in vocab.items()}
