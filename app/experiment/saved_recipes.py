"""Recipes that people keep by name, as the same JSON that a recipe file holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from app.paths import existing_path
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


def save_recipe(store: Store, name: str, recipe: Recipe, in_place: bool = False) -> str:
    """The name, without spaces around it. Raises InputError for one that cannot be, or is taken where it is not to be
    `in_place` of what has it."""
    return store.saved.keep(KIND, name, recipe_document(recipe), in_place)


def forget_recipe(store: Store, name: str) -> None:
    store.saved.forget(KIND, name)


def find_recipe(store: Store, name_or_file: str) -> Recipe:
    """A saved name first, then a file, as with prompt sets. Raises InputError when it is neither, or no recipe."""
    saved = saved_recipes(store)
    if name_or_file in saved:
        return Recipe.from_json(saved[name_or_file], f"the saved recipe {name_or_file!r}")
    path = existing_path(name_or_file)
    if path is None:
        raise InputError(
            f"there is no saved recipe and no file named {name_or_file!r}; {_instead(name_or_file, saved)}"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"recipe file {name_or_file} cannot be read ({error})") from None
    return Recipe.parse(text, name_or_file)


def _instead(asked: str, saved: Collection[str]) -> str:
    """What to type in place of an unknown name: the nearest saved one, or how a recipe gets a name."""
    if not saved:
        return "none is saved yet: save one in the Lab, or give a file with a JSON list of techniques"
    folded = {name.casefold(): name for name in saved}
    near = get_close_matches(asked.casefold(), folded, n=1)
    meant = f"did you mean {folded[near[0]]!r}? " if near else ""
    return f"{meant}saved recipes: {', '.join(saved)}"
