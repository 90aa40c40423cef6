"""A saving needs a cause: where the engine shows that a technique did nothing, cheaper is not better. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.analysis.compare import Comparison, without_cause
from app.analysis.pooling import idle_techniques, merged_evidence
from optimizers.recipe import Recipe


@dataclass(frozen=True)
class Applied:
    """The techniques that a side has on, and those of them that are seen to have done nothing."""

    on: tuple[str, ...]
    idle: frozenset[str] = frozenset()

    @staticmethod
    def read(recipe: Recipe, summaries: Sequence[Mapping[str, Any]]) -> Applied:
        return Applied(tuple(use.key for use in recipe.uses), idle_techniques(merged_evidence(summaries)))

    def more_than(self, other: Applied) -> tuple[str, ...]:
        """The techniques that this side has on and the other has not."""
        return tuple(key for key in self.on if key not in other.on)


def with_causes(found: Comparison, before: Applied, after: Applied) -> tuple[Comparison, tuple[str, ...]]:
    """The comparison as the evidence lets it stand, and what is to be doubted about it.

    `found` is of `after` beside `before`, between which nothing may differ but techniques.
    """
    gained, lost = after.more_than(before), before.more_than(after)
    cost = found.differences.get("relative_cost")
    change = cost.delta if cost is not None and cost.delta is not None else 0.0
    doubts: list[str] = []
    if gained and after.idle.issuperset(gained) and found.verdict == "better":
        found = without_cause(found)
        doubts.append(f"it cost {-change:.0%} less although {_nothing_shows(gained)}")
    if lost and before.idle.issuperset(lost):
        if found.verdict == "worse":
            doubts.append(f"it cost {change:.0%} more although {_nothing_shows(lost)}")
        found = without_cause(found, "worse")
    return found, tuple(doubts)


def _nothing_shows(techniques: Sequence[str]) -> str:
    return f"nothing shows that {' and '.join(techniques)} took effect"
