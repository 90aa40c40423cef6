"""Recipes that people keep by name, as the same JSON that a recipe file holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.store import Store

KIND = "recipe"


def recipe_document(recipe: Recipe) -> dict[str, Any]:
    """What `Recipe.from_json` reads again: all settings are in it, so that it means the same on every model."""
    return {"recipe": recipe.to_json()}


def saved_recipes(store: Store) -> Mapping[str, dict[str, Any]]:
    """Name -> document."""
    return store.saved.all(KIND)


def save_recipe(store: Store, name: str, recipe: Recipe) -> str:
    """The name, without spaces around it. Raises InputError for one that cannot be."""
    return store.saved.keep(KIND, name, recipe_document(recipe))


def forget_recipe(store: Store, name: str) -> None:
    store.saved.forget(KIND, name)


def find_recipe(store: Store, name_or_file: str) -> Recipe:
    """A saved name first, then a file, as with prompt sets. Raises InputError when it is neither, or no recipe."""
    saved = saved_recipes(store)
    if name_or_file in saved:
        return Recipe.from_json(saved[name_or_file], f"the saved recipe {name_or_file!r}")
    try:
        text = Path(name_or_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        names = f"; saved recipes: {', '.join(saved)}" if saved else ""
        raise InputError(f"recipe {name_or_file} cannot be read ({error}){names}") from None
    return Recipe.parse(text, name_or_file)
