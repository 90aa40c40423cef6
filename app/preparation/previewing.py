"""A preview for a saved model and a technique by its settings, as the command line and the studio ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from app.engine.checkpoint import Checkpoint
from app.engine.hub import find_model
from app.engine.named_models import resolve_models
from app.preparation.counting import FolderCounter
from app.preparation.tools import PreparationTools
from app.prompts.preview import Preview, preview, preview_all
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe
from store.settings import Settings
from store.store import Store


def preview_with(
    store: Store, settings: Settings, model: str, key: str, given: Mapping[str, Any], prompt: Prompt
) -> tuple[Preview, str]:
    """What the technique makes of the prompt, and the name of the model that tokens are counted by.

    Takes as long as the technique does, with the loading of its models. Raises InputError.
    """
    served, resolved = _resolved(store, settings, model, Recipe.of([(key, given)]))
    made = preview(key, resolved.settings_of(key) or {}, prompt, _tools(served))
    return asyncio.run(made), served.name


def preview_recipe(store: Store, settings: Settings, model: str, recipe: Recipe, prompt: Prompt) -> tuple[Preview, str]:
    """What the recipe's techniques make of the prompt together, as a run would send it. As `preview_with` otherwise."""
    served, resolved = _resolved(store, settings, model, recipe)
    return asyncio.run(preview_all(resolved.prompt_uses(), prompt, _tools(served))), served.name


def _resolved(store: Store, settings: Settings, model: str, recipe: Recipe) -> tuple[Checkpoint, Recipe]:
    find = partial(find_model, store, settings)
    served = find(model)
    return served, resolve_models(recipe, find, served).recipe


def _tools(served: Checkpoint) -> PreparationTools:
    counter = FolderCounter(served.folder, served.fingerprint, served.has_chat_template)
    return PreparationTools(counter, lambda done, total: None)
