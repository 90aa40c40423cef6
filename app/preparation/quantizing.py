"""A quantized checkpoint under a name of its own, outside any experiment: for the command line and the Models page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.engine.builtin import refuse_builtin
from app.engine.checkpoint import Checkpoint
from app.engine.hardware import detect_hardware
from app.engine.hub import find_model
from app.engine.named_models import resolve_models
from app.preparation.calibration import CalibrationText
from app.preparation.checkpoints import Made, make_checkpoint, place_of
from app.preparation.job import Say
from app.preparation.served import check_prepared, orders_of, text_for
from optimizers.checkpoint_order import CheckpointOrder
from optimizers.errors import InputError
from optimizers.quantization import METHODS, Quantization
from optimizers.recipe import Recipe
from store.settings import Settings
from store.store import Store

MADE_HERE = tuple(name for name, method in METHODS.items() if method.job)


@dataclass(frozen=True)
class Wish:
    """What is to be made and under which name it is saved."""

    name: str
    source: Checkpoint
    order: CheckpointOrder
    text: CalibrationText


def plan_quantizing(
    store: Store, settings: Settings, model: str, technique: Mapping[str, Any], name: str | None = None
) -> Wish:
    """`technique` are settings of quantization. Raises InputError for whatever can be known before anything starts."""
    recipe = Recipe.of([(Quantization.key, technique)])
    find = partial(find_model, store, settings)
    source = find(model)
    chosen = (name or "").strip() or default_name(source.name, str(technique.get("method", MADE_HERE[0])))
    refuse_builtin(chosen)
    resolve_models(recipe, find, source)
    check_prepared(store, recipe, detect_hardware().surroundings(source.config))
    orders = orders_of(recipe)
    if len(orders) != 1:
        raise InputError(f"quantization.method is none that makes a checkpoint; give one of {', '.join(MADE_HERE)}")
    text = text_for(store, source, orders[0], None)
    taken = store.models.find(chosen)
    if taken is not None and taken.location != str(place_of(orders[0], source, text, settings)):
        raise InputError(f"a model named {chosen!r} exists at another place; give this one another name (--out)")
    return Wish(chosen, source, orders[0], text)


async def quantize(store: Store, settings: Settings, wish: Wish, say: Say) -> Made:
    """Makes the checkpoint, or finds it, and saves its name. Raises PreparationError with the cause."""
    made = await make_checkpoint(wish.order, wish.source, wish.text, settings, say)
    store.models.add(wish.name, str(made.folder))
    return made


def default_name(model: str, method: str) -> str:
    return f"{model.rpartition('/')[2]}-{method}"


def facts_text(facts: Mapping[str, float]) -> str:
    before, after = facts["weight_bytes_before"] / 2**20, facts["weight_bytes_after"] / 2**20
    parts = [f"weights {before:,.1f} to {after:,.1f} MiB ({before / after:.1f}x smaller)"]
    if "perplexity_after" in facts:
        parts.append(f"perplexity on held-out text {facts['perplexity_before']:.3f} to {facts['perplexity_after']:.3f}")
    parts.append(f"{facts['seconds']:.0f} s, at most {facts['peak_memory_bytes'] / 2**20:,.0f} MiB of memory")
    return "; ".join(parts)
