"""The kinds of experiment that a person can choose for some techniques, and the rungs that each becomes. Pure.

Every kind begins with the baseline and, for the noise floor, the baseline again. A kind says what its rungs are held
against; what comes of them is app/analysis/ladder.py's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from app.analysis.ladder import Reference
from app.experiment.spec import Rung, ladder_rungs
from app.words import in_sentence, title_of
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from optimizers.registry import techniques

MAX_FACTORIAL = 5
Settings = Mapping[str, Mapping[str, Any]]
"""Technique -> those of its settings that are not the defaults."""
Rows = Callable[[Sequence[str], Settings], Iterable[Rung]]


@dataclass(frozen=True)
class Kind:
    """`key` is what the store keeps, `option` what people type. `least` is the fewest techniques it makes sense for;
    `together` tells whether some rung has them all on. `rows` makes the rungs above the baseline."""

    key: str
    option: str
    title: str
    help: str
    reference: Reference
    rows: Rows
    least: int = 1
    most: int | None = None
    together: bool = True

    def rungs(self, keys: Sequence[str], settings: Settings | None = None, again: bool = True) -> tuple[Rung, ...]:
        """`keys` in the order that counts. Raises InputError for techniques that this kind cannot be made of."""
        order = list(keys)
        self._check(order)
        baseline = (Rung("Baseline", Recipe()), Rung("Baseline again", Recipe()))
        return (*baseline[: 2 if again else 1], *self.rows(order, settings or {}))

    def _check(self, keys: list[str]) -> None:
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise InputError(f"{twice} is named twice; give each technique once")
        if len(keys) < self.least:
            few = "one technique" if self.least == 1 else f"{self.least} techniques"
            raise InputError(f"{in_sentence(self.title)} needs at least {few}; {', '.join(keys) or 'none'} was given")
        if self.most is not None and len(keys) > self.most:
            raise InputError(
                f"a {in_sentence(self.title)} of {len(keys)} techniques would be {2 ** len(keys)} recipes; "
                f"give at most {self.most} techniques, or leave one out at a time"
            )
        conflict = techniques().conflict(keys) if self.together else None
        if conflict:
            raise InputError(f"{conflict}; leave one of them out, or measure them one at a time")


def _recipe(keys: Iterable[str], settings: Settings) -> Recipe:
    return Recipe.of((key, settings.get(key, {})) for key in keys)


def _cumulative(keys: Sequence[str], settings: Settings) -> Iterable[Rung]:
    return ladder_rungs(keys, False, settings)[1:]


def _one_at_a_time(keys: Sequence[str], settings: Settings) -> Iterable[Rung]:
    return [Rung(title_of(key), _recipe((key,), settings)) for key in keys]


def _leave_one_out(keys: Sequence[str], settings: Settings) -> Iterable[Rung]:
    rungs = [Rung("Everything", _recipe(keys, settings))]
    for key in keys:
        rest = (other for other in keys if other != key)
        rungs.append(Rung(f"Without {in_sentence(title_of(key))}", _recipe(rest, settings)))
    return rungs


def _factorial(keys: Sequence[str], settings: Settings) -> Iterable[Rung]:
    subsets = (chosen for size in range(1, len(keys) + 1) for chosen in combinations(keys, size))
    recipes = [_recipe(chosen, settings) for chosen in subsets]
    return [Rung(recipe.title, recipe) for recipe in recipes]


KINDS: Mapping[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind(
            "ladder", "cumulative", "Ladder",
            "One technique more on every rung, in your order: what each adds to those before it.",
            "rung before", _cumulative,
        ),
        Kind(
            "one_at_a_time", "one-at-a-time", "One at a time",
            "Each technique alone beside the baseline.",
            "baseline", _one_at_a_time, together=False,
        ),
        Kind(
            "leave_one_out", "leave-one-out", "Leave one out",
            "Everything on, and everything without each technique: what is missed when it goes.",
            "everything", _leave_one_out, least=2,
        ),
        Kind(
            "factorial", "factorial", "Full factorial",
            "Every combination: how techniques help or hinder each other, and each one's share of the saving.",
            "baseline", _factorial, least=2, most=MAX_FACTORIAL,
        ),
    )
}  # fmt: skip
BY_OPTION: Mapping[str, Kind] = {kind.option: kind for kind in KINDS.values()}


def opening_rank(kind: str, recorded: bool) -> int:
    """The lower, the sooner a page opens such an experiment by itself: one's own, then a ladder that was recorded
    elsewhere, then what else was. Of equal ones the newest."""
    return 0 if not recorded else 1 if kind == "ladder" else 2


def reference_of(kind: str) -> Reference:
    """What the rungs of such an experiment are held against; freely chosen recipes against the one before."""
    return KINDS[kind].reference if kind in KINDS else "rung before"
