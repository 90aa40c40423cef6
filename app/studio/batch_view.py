"""The engine's batch over the time of a run: for each rung one line, from what was sampled while it ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.studio.parts import folded
from app.views.charts import PLAIN, batch_over_time
from app.views.wording import plain
from store.store import Store
from store.tables import RunRow

EXPLAINED = (
    "Requests in the engine's batch, looked at four times a second in the first repeat of each rung. One by one, it "
    "never rises above 1. Static batches sink before each wave ends: every wave waits for its slowest request. With "
    "continuous batching a finished request's place is taken at the next step, so the line stays up."
)


@dataclass(frozen=True)
class BatchLine:
    """`seconds` since the run's first request was due; `running` and `waiting` have one value for each of them."""

    rung: int
    label: str
    seconds: tuple[float, ...]
    running: tuple[float, ...]
    waiting: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.running) / len(self.running)

    @property
    def peak(self) -> float:
        return max(self.running)


def batch_line(rung: int, label: str, parts: Sequence[Mapping[str, Any] | None]) -> BatchLine | None:
    """The line of one run from what was observed of its parts, one after the other; None where nothing was sampled
    with its time."""
    seconds: list[float] = []
    running: list[float] = []
    waiting: list[float] = []
    for part in parts:
        times = (part or {}).get("sampled_s") or ()
        begin = seconds[-1] if seconds else 0.0
        seconds += [begin + at for at in times]
        running += (part or {}).get("running", ())[: len(times)]
        waiting += (part or {}).get("waiting", ())[: len(times)]
    if not seconds or not len(seconds) == len(running) == len(waiting):
        return None
    return BatchLine(rung, label, tuple(seconds), tuple(running), tuple(waiting))


def batch_lines(store: Store, runs: Sequence[RunRow]) -> list[BatchLine]:
    """The first finished repeat of each rung."""
    firsts: dict[int, RunRow] = {}
    for run in runs:
        if run.status == "done":
            firsts.setdefault(run.rung, run)
    found = (
        batch_line(run.rung, run.label, [segment.observed for segment in store.runs.segments(run.id)])
        for run in firsts.values()
    )
    return [line for line in found if line is not None]


def description(lines: Sequence[BatchLine]) -> str:
    """The figure in words, for those who cannot see it."""
    said = (f"{line.label} {line.mean:.1f} on average, {line.peak:.0f} at most" for line in lines)
    return f"Requests running together: {'; '.join(said)}."


def show_batches(store: Store, runs: Sequence[RunRow]) -> None:
    """Draws nothing where nothing was sampled."""
    lines = batch_lines(store, runs)
    if not lines:
        return

    def draw() -> None:
        st.plotly_chart(batch_over_time(lines), config=PLAIN, key="batches", alt=description(lines))
        st.caption(plain(EXPLAINED))

    folded("The running batch over time", ":material/stacked_line_chart:", "batch_box", draw)
