"""Words for numbers, times and states, the same on every page. Pure; knows nothing of Streamlit but its Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil
from time import localtime, strftime

from app.analysis.metric import MISSING
from app.experiment.kinds import opening_rank
from app.words import count_of, in_sentence, listed, recorded_on, without_password
from store.imports import IMPORTED
from store.tables import ExperimentRow

# Pages find these here, beside the other words.
__all__ = ("count_of", "in_sentence", "listed", "recorded_on")

REPLACE = "Replace what has this name"
"""Beside a name under which something is saved already."""
PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
PATH = re.compile(r"(?:(?<=sqlite:)/{3}|(?<![\w/.])(?!//))/(?:[^/\s\"',]+/)+([^/\s\"',]*)")


@dataclass(frozen=True)
class Sign:
    """A state as people see it: an icon, a word and a colour that only repeats what the word says."""

    icon: str
    word: str
    color: str

    @property
    def markdown(self) -> str:
        return f":{self.color}[:material/{self.icon}:] {self.word}"

    @property
    def badge(self) -> str:
        return f":{self.color}-badge[:material/{self.icon}: {self.word}]"


STATES = {
    "queued": Sign("schedule", "queued", "gray"),
    "requested": Sign("schedule", "requested", "gray"),
    "waiting": Sign("hourglass_empty", "waits for its next repeat", "gray"),
    "running": Sign("play_circle", "running", "blue"),
    "starting": Sign("hourglass_top", "starting", "blue"),
    "ready": Sign("check_circle", "ready", "green"),
    "done": Sign("check_circle", "done", "green"),
    "stopping": Sign("hourglass_bottom", "stopping", "gray"),
    "stopped": Sign("stop_circle", "stopped", "gray"),
    "failed": Sign("error", "failed", "red"),
    "interrupted": Sign("warning", "interrupted", "orange"),
    "cancelled": Sign("cancel", "cancelled", "gray"),
}
EFFECTS = {
    True: Sign("check_circle", "took effect", "green"),
    False: Sign("cancel", "no effect", "red"),
    None: Sign("help", "not observable", "gray"),
}


def plain(text: str) -> str:
    """`text` so that Markdown shows it letter by letter: names, errors and descriptions come from strangers."""
    return PUNCTUATION.sub(r"\\\1", text)


def plain_rows(rows: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """The rows of a table whose cells Markdown shows letter by letter."""
    return [{name: plain(text) for name, text in row.items()} for row in rows]


def literal(text: str) -> str:
    """`text` so that a figure shows it letter by letter: Plotly knows some of HTML, and fills in what is in braces."""
    return escape(text, quote=False).replace("{", "&#123;")


def without_folders(text: str) -> str:
    """Absolute paths cut to their last part: a shared page need not tell how someone's disk is laid out, nor the name
    and password in an address."""
    return PATH.sub(r"\1", without_password(text))


def to_hand_on(command: str) -> str:
    """A command line in which absolute paths are `FOLDER/last part`: whoever gets it puts their own folder in. A name
    and password in an address are left out."""
    return PATH.sub(r"FOLDER/\1", without_password(command))


def choice_of(row: ExperimentRow) -> str:
    """An experiment in a list to choose from."""
    state = "recorded" if recorded_on(row.spec) else row.status
    return f"{row.id} · {without_folders(row.title)} · {moment(row.created_at)} · {state}"


def told_apart(titles: Mapping[int, str]) -> dict[int, str]:
    """What each experiment's title says after its kind, as ` · starter on support-desk`, for lists of their rungs;
    empty texts where all say the same."""
    said = {number: without_folders(title.partition(": ")[2] or title) for number, title in titles.items()}
    several = len(set(said.values())) > 1
    return {number: f" · {text}" if several else "" for number, text in said.items()}


def in_opening_order(rows: Sequence[ExperimentRow]) -> list[ExperimentRow]:
    """Experiments, given newest first, in the order in which a page opens one by itself."""
    return sorted(rows, key=lambda row: opening_rank(row.kind, bool(recorded_on(row.spec))))


def recorded_badge(row: ExperimentRow) -> str:
    """Where and when it was measured, as Markdown; empty for an experiment of one's own."""
    told = recorded_on(row.spec)
    return f":gray-badge[:material/history: {plain(told)}]" if told else ""


def elsewhere_badge(row: ExperimentRow) -> str:
    """That it was recorded elsewhere or imported from a file; empty for an experiment of one's own."""
    if row.kind != IMPORTED:
        return recorded_badge(row)
    return f":gray-badge[:material/input: {plain('Imported from ' + row.spec['source']['file'])}]"


def about(seconds: float) -> str:
    """A time as people say it, never more exact than it can be known."""
    if seconds < 60:
        return "less than a minute"
    return f"about {ceil(seconds / 60):,} min"


def duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def moment(epoch_s: float | None) -> str:
    """A point in time in this machine's zone."""
    return MISSING if epoch_s is None else strftime("%Y-%m-%d %H:%M", localtime(epoch_s))
