"""Prompt by prompt: the matrix of candidates, and one prompt's answers side by side. Pure; Compare draws it.

Answers are strangers' text: whatever becomes HTML is escaped here, letter by letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from app.analysis.kept_words import Span, compared
from app.analysis.metric import MISSING
from app.analysis.per_prompt import ComparedPrompt, PromptPair
from app.analysis.scoring import right
from app.analysis.summary import e2e_ms
from app.analysis.word_diff import SideBySide, side_by_side
from app.experiment.comparing import Side
from app.views.wording import without_folders
from optimizers.prompt import Prompt

FILTERS: Mapping[str, Callable[[ComparedPrompt], bool]] = {
    "All": lambda row: True,
    "Different": lambda row: row.different,
    "Regressed": lambda row: row.regressed,
    "Failed": lambda row: row.failed,
    "Won": lambda row: row.won,
}
SPOKEN = {"dropped": "left out: ", "added": "new: "}
UNSEEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap"
TINTS = {"dropped": "rgba(201,60,60,0.16)", "added": "rgba(41,150,95,0.18)"}
TAGS = {"dropped": "del", "added": "ins"}


@dataclass(frozen=True)
class Answered:
    """What a side's first repeat answered to a prompt; `words` say how it did."""

    name: str
    text: str | None
    words: str


@dataclass(frozen=True)
class Beside:
    """A candidate's answer beside the baseline's; `marked` is None where one of them is missing."""

    before: Answered
    after: Answered
    marked: SideBySide | None

    @property
    def same(self) -> bool:
        return self.before.text is not None and self.before.text == self.after.text

    @property
    def spans(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        if self.marked is not None:
            return self.marked.before, self.marked.after
        return tuple((whole(each.text),) if each.text else () for each in (self.before, self.after))  # type: ignore[return-value]

    @property
    def note(self) -> str:
        if self.same:
            return "The same, letter by letter."
        if self.marked is None:
            return ""
        if self.marked.spacing_only:
            return "The words are the same; only the space between them differs."
        return "Struck out: only in the baseline's answer. Underlined: only in this one's."


def counts(rows: Sequence[ComparedPrompt]) -> dict[str, str]:
    """Each filter with how many prompts it keeps."""
    return {name: f"{name} ({sum(map(keeps, rows)):,})" for name, keeps in FILTERS.items()}


def kept_rows(rows: Sequence[ComparedPrompt], chosen: str) -> list[ComparedPrompt]:
    return [row for row in rows if FILTERS[chosen](row)]


def matrix(rows: Sequence[ComparedPrompt], names: Sequence[str], ids: Mapping[int, str]) -> list[dict[str, str]]:
    """A row for each prompt, numbered by its place in the set from 1; a column for the baseline and each candidate."""
    return [
        {"Prompt": str(row.position + 1), "Id": ids.get(row.position, MISSING), "Baseline": _before(row)}
        | {name: cell(found) for name, found in zip(names, row.pairs, strict=True)}
        for row in rows
    ]


def _before(row: ComparedPrompt) -> str:
    pair = row.known[0]
    return _joined(_failed(pair.failed_before), _share(pair.right_before), _ms(pair.before_ms))


def cell(pair: PromptPair | None) -> str:
    """How a candidate did on a prompt beside the baseline: `lost, differs, 1.24x the time`."""
    if pair is None:
        return MISSING
    moved = "lost" if pair.lost else "won" if pair.won else _share(pair.right_after)
    same = {True: "same", False: "differs", None: ""}[pair.same]
    factor = "" if pair.factor is None else f"{pair.factor:.2f}x the time"
    return _joined(_failed(pair.failed_after), moved, same, factor)


def repeats_of(sides: Sequence[Side]) -> int:
    """The most repeats that any side has."""
    return max((len(side.data.repeats) for side in sides), default=0)


def beside(before: Side, after: Side, position: int, repeat: int = 0) -> Beside:
    """Both answers of a repeat, which counts from 0."""
    one, other = answered(before, position, repeat), answered(after, position, repeat)
    marked = None if one.text is None or other.text is None else side_by_side(one.text, other.text)
    return Beside(one, other, marked)


def answered(side: Side, position: int, repeat: int = 0) -> Answered:
    if repeat >= len(side.data.repeats) > 0:
        return Answered(side.name, None, f"has no repeat {repeat + 1}")
    records = side.data.repeats[repeat] if side.data.repeats else ()
    record = next((record for _, record in records if record.position == position), None)
    if record is None:
        return Answered(side.name, None, "not sent")
    if not record.ok:
        return Answered(side.name, None, f"failed: {without_folders(record.error or '')}")
    expected = side.data.expected.get(position)
    verdict = "" if expected is None else "right" if right(side.data.score, record.text, expected) else "wrong"
    tokens = "" if record.completion_tokens is None else f"{record.completion_tokens:,} tokens"
    return Answered(side.name, record.text, _joined(verdict, _ms(e2e_ms(record)), tokens))


def whole(text: str) -> Span:
    return Span(text, "kept")


def sent_spans(saved: Prompt, sent: Prompt) -> tuple[Span, ...]:
    return compared(saved.plain_text(), sent.plain_text())


def html_of(spans: Iterable[Span]) -> str:
    """The text with what is only on this side marked: struck out or underlined, and said to those who cannot see it."""
    return (
        '<div style="white-space:pre-wrap;overflow-wrap:anywhere;position:relative">'
        + "".join(map(_span_html, spans))
        + "</div>"
    )


def _span_html(span: Span) -> str:
    text = escape(span.text)
    if span.kind == "kept":
        return text
    tag, hint = TAGS[span.kind], f'<span style="{UNSEEN}">{SPOKEN[span.kind]}</span>'
    return f'<{tag} style="background:{TINTS[span.kind]}">{hint}{text}</{tag}>'


def _failed(repeats: int) -> str:
    return "" if not repeats else "failed" if repeats == 1 else f"failed {repeats} times"


def _share(share: float | None) -> str:
    return "" if share is None else {0.0: "wrong", 1.0: "right"}.get(share, f"{100 * share:.0f} % right")


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f} ms"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part) or MISSING
