"""A headline figure beside the baseline's, as pages and reports show it. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """`change` is from the baseline. `good` is None where it hardly changed."""

    title: str
    value: str
    change: str | None
    good: bool | None
    lower_is_better: bool
    help: str
