"""Settings that name a model: each name becomes the folder that it stands for, before anything is planned.

A recipe is stored with the names as they were typed; what is launched has folders, because an engine knows neither
saved names nor, when it is offline, hub ids. Knows no technique: it goes by the settings' kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.engine.checkpoint import Checkpoint
from app.engine.vocabulary import read_vocabulary
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from optimizers.technique import ModelFacts, Value


@dataclass(frozen=True)
class Resolved:
    """`recipe` names folders; `models` has the checkpoint behind each (technique, setting)."""

    recipe: Recipe
    models: Mapping[tuple[str, str], Checkpoint] = field(default_factory=dict)

    @property
    def loaded_by_engine(self) -> tuple[Checkpoint, ...]:
        """Draft models and checkpoints in the served one's place; not what techniques load for themselves."""
        known = techniques()
        return tuple(model for (key, _), model in self.models.items() if known.get(key).changes_engine)

    def to_json(self) -> dict[str, Any]:
        """What a manifest keeps of them: enough to see later whether a name still stands for the same weights."""
        return {
            f"{key}.{setting}": {
                "name": model.name,
                "fingerprint": model.fingerprint,
                "architecture": model.architecture,
                "weight_bytes": model.weight_bytes,
            }
            for (key, setting), model in self.models.items()
        }


def resolve_models(recipe: Recipe, find: Callable[[str], Checkpoint], served: Checkpoint | None = None) -> Resolved:
    """`find` finds a model by name. Raises InputError for a name that stands for none, and for a model that its
    technique refuses beside the `served` one."""
    models: dict[tuple[str, str], Checkpoint] = {}
    for use in recipe.uses:
        technique = techniques().get(use.key)
        named = {
            name: _find(f"{use.key}.{name}", model, find)
            for name, model in technique.named_models(use.settings).items()
        }
        if served is not None:
            facts = {name: _facts(model) for name, model in named.items()}
            reason = technique.refuse(use.settings, _facts(served), facts)
            if reason:
                raise InputError(f"{use.key} cannot be used so: {reason}")
        models |= {(use.key, name): model for name, model in named.items()}
    return Resolved(recipe.with_values({place: str(model.folder) for place, model in models.items()}), models)


def refusal(key: str, settings: Mapping[str, Any], served: Checkpoint | None) -> str | None:
    """Why a technique that names no model refuses the served one, of which nothing is known at an endpoint; or None."""
    technique = techniques().get(key)
    checked = technique.check(settings)
    facts = ModelFacts("the served model") if served is None else _facts(served)
    return None if technique.named_models(checked) else technique.refuse(checked, facts, {})


def with_whole_names(recipe: Recipe, whole: Callable[[str], str]) -> Recipe:
    """The recipe as a worker in any folder will understand it; `whole` makes one name so."""
    values: dict[tuple[str, str], Value] = {
        (use.key, name): whole(model)
        for use in recipe.uses
        for name, model in techniques().get(use.key).named_models(use.settings).items()
    }
    return recipe.with_values(values)


def _find(where: str, model: str, find: Callable[[str], Checkpoint]) -> Checkpoint:
    try:
        return find(model)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _facts(model: Checkpoint) -> ModelFacts:
    return ModelFacts(model.name, model.config, model.vocab_size, read_vocabulary(model.folder))
