"""Which words of a text are left in another, for a preview. Knows no technique and draws nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from rapidfuzz.distance import LCSseq

Kind = Literal["kept", "dropped", "added"]
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Span:
    """A stretch of text with the space before it. What is kept and dropped together is the original."""

    text: str
    kind: Kind

    def to_json(self) -> dict[str, Any]:
        return {"text": self.text, "kind": self.kind}


def compared(original: str, changed: str) -> tuple[Span, ...]:
    """By words and marks; where only letters of a word are left, by letters."""
    before, after = _words(original), _words(changed)
    spans: list[Span] = []
    pending: tuple[str, str] = ("", "")

    def settle() -> None:
        nonlocal pending
        spans.extend(_by_letters(*pending))
        pending = ("", "")

    moves = LCSseq.opcodes([word.strip() for word in before], [word.strip() for word in after])
    for move in moves:
        left = "".join(before[move.src_start : move.src_end])
        right = "".join(after[move.dest_start : move.dest_end])
        if move.tag == "equal":
            settle()
            spans.append(Span(left, "kept"))
        else:
            pending = (pending[0] + left, pending[1] + right)
    settle()
    rest = original[sum(map(len, before)) :]
    return _merged([*spans, Span(rest, "kept")])


def _words(text: str) -> list[str]:
    """Words and marks, each with the space before it."""
    found, start = [], 0
    for word in _WORD.finditer(text):
        found.append(text[start : word.end()])
        start = word.end()
    return found


def _by_letters(original: str, changed: str) -> list[Span]:
    """`changed` is what is left of `original` where its letters are found there in their order, else it is new."""
    letters = iter("".join(changed.split()))
    wanted = next(letters, None)
    spans, space = [], ""
    for letter in original:
        if letter.isspace():
            space += letter
            continue
        kept = letter == wanted
        spans.append(Span(space + letter, "kept" if kept else "dropped"))
        space = ""
        if kept:
            wanted = next(letters, None)
    if wanted is None:
        return spans
    return [Span(original, "dropped"), Span(changed, "added")]


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for span in spans:
        if not span.text:
            continue
        if merged and merged[-1].kind == span.kind:
            merged[-1] = Span(merged[-1].text + span.text, span.kind)
        else:
            merged.append(span)
    return tuple(merged)
