"""What `--techniques`, `--set` and `--recipe` choose: technique keys, their settings, a recipe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.engine.checkpoint import Checkpoint
from app.experiment.companions import companion_settings
from app.experiment.saved_recipes import find_recipe
from app.experiment.usable import why_not
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from optimizers.technique import Surroundings
from store.store import Store

RECIPE_HELP = "a saved recipe, or a file with a JSON list of techniques (default: the baseline)"
Chosen = Mapping[str, Mapping[str, Any]]
"""Technique -> setting -> value."""


def add_set_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="TECHNIQUE.SETTING=VALUE", dest="settings",
        help="one setting of a technique, as `techniques` lists them; may be given more than once",
    )  # fmt: skip


def split_keys(listed: str) -> list[str]:
    return [key.strip() for key in listed.split(",") if key.strip()]


def ladder_keys(listed: str | None, surroundings: Surroundings) -> list[str]:
    """The techniques that were listed, in their order, or all that there are."""
    if listed is None:
        return list(techniques().keys())
    keys = split_keys(listed)
    for key in keys:
        reason = techniques().get(key).unavailable(surroundings)
        if reason:
            raise InputError(f"{key} cannot be used here: {reason}; leave it out of --techniques")
    return keys


def left_out(
    chosen: Chosen,
    typed: Sequence[str],
    surroundings: Surroundings,
    served: Checkpoint | None,
    prompts: Sequence[Prompt],
) -> dict[str, str]:
    """Technique -> why it cannot be used, of those that nobody listed. One with a setting that was `typed` is not among
    them unless nothing could be set to make it usable: it is refused in its place."""
    meant = read_settings(typed)
    found = {
        key: techniques().get(key).unavailable(surroundings)
        if key in meant
        else why_not(key, settings, surroundings, served, prompts)
        for key, settings in chosen.items()
    }
    return {key: reason for key, reason in found.items() if reason is not None}


def chosen_settings(given: Sequence[str], keys: Iterable[str], model: str | None) -> Chosen:
    """What a built-in `model` brings along for the techniques in `keys`, and above it what was `given`.

    What it brings along is said on stderr: nobody typed it.
    """

    def variant(key: str, settings: Mapping[str, Any]) -> str:
        technique = techniques().get(key)
        return technique.variant(technique.check(settings))

    typed, brought = read_settings(given), companion_settings(model)
    known = list(keys)
    for key in typed:
        if key not in known:
            raise InputError(f"--set {key}: {key} is not among what is measured ({', '.join(known) or 'nothing'})")
    chosen: dict[str, Mapping[str, Any]] = {}
    for key in known:
        chosen[key] = {**brought.get(key, {}), **typed.get(key, {})}
        said = variant(key, brought[key]) if key in brought else ""
        if said and said == variant(key, chosen[key]):
            print(f"{key}: {said}, which comes with {model}; --set chooses another", file=sys.stderr)
    return chosen


def read_settings(given: Sequence[str]) -> Chosen:
    """Each value in its setting's type. Raises InputError for what is no setting; a value is checked on its own."""
    found: dict[str, dict[str, Any]] = {}
    for text in given:
        place, equals, value = text.partition("=")
        key, dot, name = place.partition(".")
        if not equals or not dot:
            raise InputError(f"--set {text!r}: give TECHNIQUE.SETTING=VALUE, as in continuous_batching.max_num_seqs=64")
        technique = techniques().get(key)
        setting = next((setting for setting in technique.settings if setting.name == name), None)
        if setting is None:
            names = ", ".join(setting.name for setting in technique.settings) or "none"
            raise InputError(f"--set {text!r}: {key} has no setting {name!r}; it has: {names}")
        found.setdefault(key, {})[name] = setting.check(setting.read(value), key)
    return found


def chosen_recipe(store: Store, arguments: argparse.Namespace) -> Recipe:
    """The recipe of `run`: saved by name, of a file, or of listed techniques, with what `--set` says on top; else the
    baseline."""
    if arguments.techniques is not None:
        keys = split_keys(arguments.techniques)
        # At an endpoint a model's name is that server's business.
        model = arguments.model if arguments.endpoint is None else None
        chosen = chosen_settings(arguments.settings, keys, model)
        return Recipe.of((key, chosen[key]) for key in keys)
    recipe = Recipe() if arguments.recipe is None else find_recipe(store, arguments.recipe)
    chosen = chosen_settings(arguments.settings, [use.key for use in recipe.uses], None)
    return Recipe.of((use.key, {**use.settings, **chosen[use.key]}) for use in recipe.uses)
