"""A saved prompt as a run sent it: what its techniques had made of it and what is kept of that. Prepares nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from app.engine.hub import find_model
from app.engine.named_models import resolve_models
from app.preparation.kept import KeptChanges
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe
from optimizers.registry import techniques
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
    for use in resolved.prompt_uses():
        kept = KeptChanges(settings.home / "prepared", _key(use.key, use.settings, manifest))
        change = kept.get(prompt)
        if change is None:
            return None
        prompt = change.prompt
    return prompt


def _key(technique: str, settings: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """As preparation keeps its work (app/preparation/prompts.py), by what the run's manifest says."""
    engine, model = manifest.get("engine", {}), manifest.get("model", {})
    attached = engine.get("attached_to")
    models = {name: found for name, found in manifest.get("models", {}).items() if name.startswith(f"{technique}.")}
    who = (
        {"model": model.get("fingerprint"), "chat": manifest.get("chat_template")}
        if attached is None
        else {"endpoint": attached, "model": model.get("name")}
    )
    key = {"technique": technique, "settings": settings, "models": models, **who}
    if techniques().get(technique).asks_the_model:
        key["engine"] = {"plan": engine.get("key")} if attached is None else {"attached": attached}
    return key
