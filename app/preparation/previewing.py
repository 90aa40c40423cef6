"""A preview for a saved model and a technique by its settings, as the command line and the studio ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from app.engine.hub import find_model
from app.engine.named_models import resolve_models
from app.preparation.counting import FolderCounter
from app.preparation.tools import PreparationTools
from app.prompts.preview import Preview, preview
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
    find = partial(find_model, store, settings)
    served = find(model)
    resolved = resolve_models(Recipe.of([(key, given)]), find, served).recipe.settings_of(key)
    counter = FolderCounter(served.folder, served.fingerprint, served.has_chat_template)
    tools = PreparationTools(counter, lambda done, total: None)
    return asyncio.run(preview(key, resolved or {}, prompt, tools)), served.name
