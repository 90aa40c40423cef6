"""A recipe: the ordered technique settings of one configuration. The empty recipe is the baseline."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from optimizers.errors import InputError
from optimizers.registry import techniques
from optimizers.technique import ScheduleChange, Value


@dataclass(frozen=True)
class TechniqueUse:
    """One technique with all of its settings filled in, as pairs so that a recipe can be hashed."""

    key: str
    pairs: tuple[tuple[str, Value], ...]

    @property
    def settings(self) -> dict[str, Value]:
        return dict(self.pairs)


@dataclass(frozen=True)
class Recipe:
    uses: tuple[TechniqueUse, ...] = ()

    @staticmethod
    def of(uses: Iterable[tuple[str, Mapping[str, Any]]]) -> Recipe:
        """A checked recipe from (key, settings); raises InputError for anything that cannot be."""
        registry = techniques()
        made: list[TechniqueUse] = []
        for key, settings in uses:
            if any(use.key == key for use in made):
                raise InputError(f"the recipe names {key} twice; give each technique once")
            made.append(TechniqueUse(key, tuple(registry.get(key).check(settings).items())))
        conflict = registry.conflict(use.key for use in made)
        if conflict:
            raise InputError(conflict)
        return Recipe(tuple(made))

    @staticmethod
    def from_json(document: Any, where: str = "the recipe") -> Recipe:
        """Accepts `[{"technique", "settings"}]`, `["key", ...]`, or either under a "recipe" key."""
        if isinstance(document, Mapping) and "recipe" in document:
            document = document["recipe"]
        if not isinstance(document, list):
            raise InputError(f'{where} must be a list of {{"technique", "settings"}}')
        uses: list[tuple[str, Mapping[str, Any]]] = []
        for position, item in enumerate(document, start=1):
            if isinstance(item, str):
                uses.append((item, {}))
                continue
            if not isinstance(item, Mapping) or not isinstance(item.get("technique"), str):
                raise InputError(f'{where}, entry {position}: expected {{"technique": ..., "settings": ...}}')
            settings = item.get("settings") or {}
            unknown = set(item) - {"technique", "settings"}
            if unknown or not isinstance(settings, Mapping):
                extra = f"unknown field {sorted(unknown)[0]!r}" if unknown else '"settings" must be an object'
                raise InputError(f"{where}, entry {position}: {extra}")
            uses.append((item["technique"], settings))
        return Recipe.of(uses)

    @staticmethod
    def parse(text: str, where: str) -> Recipe:
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"{where} is not JSON: {error.msg} at line {error.lineno}") from None
        except (ValueError, RecursionError):
            raise InputError(f"{where} holds a number too long, or lists too deep, for a recipe") from None
        return Recipe.from_json(document, where)

    def to_json(self) -> list[dict[str, Any]]:
        return [{"technique": use.key, "settings": use.settings} for use in self.uses]

    def plus(self, key: str, settings: Mapping[str, Any] | None = None) -> Recipe:
        return Recipe.of([*((use.key, use.settings) for use in self.uses), (key, settings or {})])

    def with_values(self, values: Mapping[tuple[str, str], Value]) -> Recipe:
        """This recipe with other values in some (technique, setting) places, which are taken as they are."""
        return Recipe(
            tuple(
                TechniqueUse(use.key, tuple((name, values.get((use.key, name), value)) for name, value in use.pairs))
                for use in self.uses
            )
        )

    def settings_of(self, key: str) -> dict[str, Value] | None:
        """The settings of a technique in this recipe, or None when it is off."""
        return next((use.settings for use in self.uses if use.key == key), None)

    def engine_flags(self) -> dict[str, str | None]:
        """The launch flags of all techniques, on or off, in registry order."""
        flags: dict[str, str | None] = {}
        for technique in techniques().all():
            flags.update(technique.engine_flags(self.settings_of(technique.key)))
        return flags

    def schedule(self) -> ScheduleChange:
        """The schedule that all techniques, on or off, ask for together."""
        batched: bool | None = None
        for technique in techniques().all():
            change = technique.schedule(self.settings_of(technique.key))
            batched = batched if change.batched is None else change.batched
        return ScheduleChange(batched)

    def prompt_uses(self) -> tuple[TechniqueUse, ...]:
        """The uses that change prompts, in the order in which they do so."""
        placed = [(techniques().get(use.key).prompt_order, use) for use in self.uses]
        ordered = sorted(((order, use) for order, use in placed if order is not None), key=lambda found: found[0])
        return tuple(use for _, use in ordered)

    def recomputed_blocks(self) -> int:
        """Cached blocks at the end of a shared prefix that the engine computes anew under this recipe."""
        return sum(techniques().get(use.key).recomputed_blocks(use.settings) for use in self.uses)

    @property
    def title(self) -> str:
        return " + ".join(techniques().get(use.key).title for use in self.uses) or "Baseline"
