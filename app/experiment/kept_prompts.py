"""A saved prompt as a run sent it: what its techniques had made of it and what is kept of that. Prepares nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from app.engine.hub import find_model
from app.engine.named_models import resolve_models
from app.preparation.counting import endpoint_identity, folder_identity
from app.preparation.prompts import attached_engine, kept_changes, launched_engine
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe
from store.settings import Settings
from store.store import Store


def sent_prompt(
    store: Store, settings: Settings, recipe: Recipe, manifest: Mapping[str, Any], prompt: Prompt
) -> Prompt | None:
    """None where it is not known any more: made on another machine, or with a model that has since been moved."""
    uses = recipe.prompt_uses()
    if not uses:
        return prompt
    try:
        find = partial(find_model, store, settings)
        resolved = resolve_models(Recipe(uses), find).recipe
    except InputError:
        return None
    counted_by, engine = _served_by(manifest)
    models = manifest.get("models", {})
    for use in resolved.prompt_uses():
        change = kept_changes(settings.prepared_prompts, use, models, counted_by, engine).get(prompt)
        if change is None:
            return None
        prompt = change.prompt
    return prompt


def _served_by(manifest: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """(who counted its tokens, which engine could be asked) of a run, as preparation tells them from others."""
    engine, model = manifest.get("engine", {}), manifest.get("model", {})
    url = engine.get("attached_to")
    if url is None:
        counted_by = folder_identity(model.get("fingerprint"), manifest.get("chat_template"))
        return counted_by, launched_engine(engine.get("key"))
    return endpoint_identity(url, model.get("name")), attached_engine(url)
