"""What a report says, whatever its form: headline, figures, sentences, tables, and how to repeat it. Pure.

The forms are in html.py, pdf.py and markdown.py; none of them adds or leaves out a figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import plotly.graph_objects as go

from app.views.bar import Bar

Texts = Literal["full", "redacted", "none"]
"""How much of prompts and answers a report tells: all, only which they are and how they did, or nothing of them."""

Cell = str | float | None


@dataclass(frozen=True)
class Fact:
    """One headline figure and its change from the baseline."""

    title: str
    value: str
    change: str | None


@dataclass(frozen=True)
class Chart:
    """The same figures as a Plotly figure, for forms that can be touched, and as bars for those that cannot. `words`
    say it for those who cannot see it; `line` is the value that stands for no effect."""

    words: str
    figure: go.Figure
    bars: tuple[Bar, ...]
    line: float | None
    note: str


@dataclass(frozen=True)
class Table:
    """`right` lists the columns that hold figures, by position."""

    words: str
    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Section:
    title: str
    sentences: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What one rung answered to one prompt. `right` is None where no answer was expected; `same` where it is the
    baseline's own."""

    rung: str
    text: str | None
    right: bool | None
    same: bool | None
    ms: float | None
    error: str | None = None


@dataclass(frozen=True)
class OverRepeats:
    """What became of a prompt in any repeat of any candidate beside the baseline."""

    regressed: bool
    failed: bool


@dataclass(frozen=True)
class Asked:
    """One prompt and what became of it on each rung, of which `answers` are the first repeat's; the texts are None
    where the report leaves them out. `over_repeats` is None where only the first ones were read."""

    id: str
    question: str | None
    expected: str | None
    answers: tuple[Answer, ...]
    over_repeats: OverRepeats | None = None

    @property
    def differs(self) -> bool:
        return any(answer.same is False for answer in self.answers)

    @property
    def regressed(self) -> bool:
        """Whether a rung got it wrong that the baseline got right."""
        if self.over_repeats is not None:
            return self.over_repeats.regressed
        return bool(self.answers and self.answers[0].right and any(a.right is False for a in self.answers[1:]))

    @property
    def failed(self) -> bool:
        if self.over_repeats is not None:
            return self.over_repeats.failed
        return any(answer.error for answer in self.answers)


@dataclass(frozen=True)
class Report:
    """`asked` is empty where the texts are left out altogether. `made_at` and `measured_at` are times as text."""

    title: str
    headline: str
    basis: str
    measured_at: str
    made_at: str
    version: str
    facts: tuple[Fact, ...]
    facts_of: str
    sections: tuple[Section, ...]
    asked: tuple[Asked, ...]
    repeat: tuple[str, ...]
    """Command lines that measure it again."""
    asked_note: str = "The first repeat of each rung, against the first rung's answer."
    manifest: Mapping[str, Any] = field(default_factory=dict)
    manifest_of: str = "Manifest of the first run"
    figures: tuple[Mapping[str, Cell], ...] = ()
    """The raw figures by column, a row for each rung, side or load; all rows have the columns of the first. None is
    what was not measured."""


def table_of(words: str, rows: Sequence[Mapping[str, str]], right: Sequence[str] = ()) -> Table:
    """A table from rows by column title; all rows have the columns of the first."""
    titles = tuple(rows[0]) if rows else ()
    return Table(
        words,
        titles,
        tuple(tuple(row[title] for title in titles) for row in rows),
        frozenset(at for at, title in enumerate(titles) if title in right),
    )
