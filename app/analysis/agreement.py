"""How far a rung's answers are those of another rung: identical to the letter, and by edit distance. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True)
class Agreement:
    """Both in percent, over `answers` pairs. `similarity` is 100 x (1 - edit distance / length of the longer text)."""

    identical: float
    similarity: float
    answers: int


def agreement(one: Sequence[Mapping[int, str]], other: Sequence[Mapping[int, str]]) -> Agreement | None:
    """Compares repeat with repeat, prompt with prompt, where both sides have an answer; None where none do."""
    pairs = [
        (before[position], after[position])
        for before, after in zip(one, other, strict=False)
        for position in before.keys() & after.keys()
    ]
    if not pairs:
        return None
    identical = sum(before == after for before, after in pairs)
    similar = sum(Levenshtein.normalized_similarity(before, after) for before, after in pairs)
    return Agreement(100.0 * identical / len(pairs), 100.0 * similar / len(pairs), len(pairs))
