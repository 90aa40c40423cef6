"""Recipes kept by name: what is saved is what is read, on the command line too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.experiment.saved_recipes import find_recipe, forget_recipe, recipe_document, save_recipe, saved_recipes
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.store import Store

RECIPE = Recipe.of([("prefix_caching", {"block_size": 32}), ("speculative_decoding", {"num_speculative_tokens": 2})])


def test_a_recipe_comes_back_with_its_settings_and_order(store: Store) -> None:
    assert save_recipe(store, " quick one ", RECIPE) == "quick one"
    assert find_recipe(store, "quick one") == RECIPE
    assert list(saved_recipes(store)) == ["quick one"]
    forget_recipe(store, "quick one")
    assert saved_recipes(store) == {}


def test_a_saved_recipe_is_what_a_file_holds(store: Store, tmp_path: Path) -> None:
    save_recipe(store, "mine", RECIPE)
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(saved_recipes(store)["mine"]))
    assert json.loads(path.read_text()) == recipe_document(RECIPE)
    assert find_recipe(store, str(path)) == RECIPE


def test_an_unknown_name_is_told_with_what_could_be_typed_instead(store: Store) -> None:
    with pytest.raises(
        InputError, match="no saved recipe and no file named 'mine'; none is saved yet: save one in the"
    ):
        find_recipe(store, "mine")
    save_recipe(store, "Quick one", RECIPE)
    save_recipe(store, "slow", RECIPE)
    with pytest.raises(InputError, match=r"'quikc one'; did you mean 'Quick one'\? saved recipes: Quick one, slow"):
        find_recipe(store, "quikc one")
    with pytest.raises(InputError, match="named 'x.json'; saved recipes: Quick one, slow$"):
        find_recipe(store, "x.json")


def test_a_saved_recipe_of_a_technique_that_has_gone_says_whose_it_is(store: Store) -> None:
    store.saved.keep("recipe", "old", {"recipe": ["no_more"]})
    with pytest.raises(InputError, match="there is no technique 'no_more'"):
        find_recipe(store, "old")
