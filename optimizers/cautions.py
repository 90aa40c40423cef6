"""What a person should know before a recipe is measured, collected from its techniques. Pure."""

from __future__ import annotations

from dataclasses import replace

from optimizers.recipe import Recipe
from optimizers.registry import techniques
from optimizers.technique import Beside


def cautions(recipe: Recipe, beside: Beside | None = None) -> tuple[str, ...]:
    """One sentence each, in the order of the recipe; each technique sees the settings of the others."""
    beside = beside or Beside()
    found: list[str] = []
    for use in recipe.uses:
        others = {other.key: other.settings for other in recipe.uses if other.key != use.key}
        said = techniques().get(use.key).cautions(use.settings, replace(beside, settings=others))
        found += [f"{use.key}: {text}" for text in said]
    return tuple(found)
