"""One bar with its interval: what charts and their printed forms are drawn from. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from app.analysis.statistics import Interval


@dataclass(frozen=True)
class Bar:
    """`text` is the value in words, so that nobody needs to read the axis; `mark` is the article's figure, where it has
    one."""

    label: str
    value: float
    interval: Interval | None
    text: str
    mark: float | None = None
