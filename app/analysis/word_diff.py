"""Two answers side by side: which words of the one are not in the other. Pure; draws nothing.

Words are compared without the space around them, and a whole word at a time: half a number that stays is no match.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import LCSseq

from app.analysis.kept_words import Kind, Span

WORD = re.compile(r"\s*(?:\w+(?:[.,:/'-]\w+)*|[^\w\s])|\s+$")
MOST_WORDS = 20_000
"""Of longer texts only the beginnings are compared; the rest counts as changed."""


@dataclass(frozen=True)
class SideBySide:
    """Each side's spans make up its whole text: `before` is kept or dropped, `after` kept or added."""

    before: tuple[Span, ...]
    after: tuple[Span, ...]

    @property
    def spacing_only(self) -> bool:
        """Whether the words are the same and only the space between them is not."""
        return all(span.kind == "kept" for span in (*self.before, *self.after)) and text_of(self.before) != text_of(
            self.after
        )


def side_by_side(before: str, after: str) -> SideBySide:
    old, new = WORD.findall(before), WORD.findall(after)
    moves = LCSseq.opcodes([word.strip() for word in old[:MOST_WORDS]], [word.strip() for word in new[:MOST_WORDS]])
    left: list[Span] = []
    right: list[Span] = []
    for move in moves:
        same = move.tag == "equal"
        _add(left, old[move.src_start : move.src_end], "kept" if same else "dropped")
        _add(right, new[move.dest_start : move.dest_end], "kept" if same else "added")
    _add(left, old[MOST_WORDS:], "dropped")
    _add(right, new[MOST_WORDS:], "added")
    return SideBySide(tuple(left), tuple(right))


def text_of(spans: Sequence[Span]) -> str:
    return "".join(span.text for span in spans)


def _add(spans: list[Span], words: Sequence[str], kind: Kind) -> None:
    text = "".join(words)
    if not text:
        return
    if spans and spans[-1].kind == kind:
        spans[-1] = Span(spans[-1].text + text, kind)
    else:
        spans.append(Span(text, kind))
