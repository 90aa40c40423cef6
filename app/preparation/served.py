"""Which checkpoint an engine serves for a recipe: the model's own, a quantized one that is named, or one made to order.

Whatever it is, it is served under the model's name, so that runs compare. Knows no technique by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.engine.checkpoint import Checkpoint, read_checkpoint
from app.engine.named_models import Resolved
from app.preparation.calibration import CalibrationText, calibration_text, default_set
from app.preparation.checkpoints import make_checkpoint
from app.preparation.job import Say
from app.prompts.saved import find_prompts, load_prompt_set
from app.prompts.token_counts import read_tokenizer
from optimizers.checkpoint_order import CheckpointOrder
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from optimizers.technique import Surroundings
from store.settings import Settings
from store.store import Store


@dataclass(frozen=True)
class Served:
    """`checkpoint` is what the engine loads, `source` the model that the run is about. `facts` compare the two."""

    checkpoint: Checkpoint
    source: Checkpoint
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_source(self) -> bool:
        return self.checkpoint.fingerprint == self.source.fingerprint

    def to_json(self) -> dict[str, Any] | None:
        """What a manifest says of it; None where the model is served as it is."""
        if self.is_source:
            return None
        return {
            "source_fingerprint": self.source.fingerprint,
            "fingerprint": self.checkpoint.fingerprint,
            "quantization": self.checkpoint.quantization,
            "weight_bytes": self.checkpoint.weight_bytes,
            "facts": dict(self.facts),
        }


def orders_of(recipe: Recipe) -> list[CheckpointOrder]:
    made = (techniques().get(use.key).checkpoint_order(use.settings) for use in recipe.uses)
    return [order for order in made if order is not None]


def what_is_served(recipe: Recipe) -> str:
    """Equal for recipes that serve the same checkpoint, before any of it has been made."""
    named = [recipe.settings_of(key)[setting] for key, setting in _named(recipe)]  # type: ignore[index]
    return repr((orders_of(recipe), named))


def named_checkpoint(resolved: Resolved) -> Checkpoint | None:
    """The one that the recipe names to be served in place of the model."""
    return next((resolved.models[place] for place in _named(resolved.recipe)), None)


def check_orders(store: Store, recipe: Recipe) -> None:
    """Raises InputError for what cannot be served: two checkpoints at once, a calibration set that is not there."""
    if len(orders_of(recipe)) + len(list(_named(recipe))) > 1:
        raise InputError("two techniques each want to serve a checkpoint of their own; take one of them out")
    for order in orders_of(recipe):
        if order.calibration is not None and order.samples:
            find_prompts(store, order.calibration)


def check_prepared(store: Store, recipe: Recipe, surroundings: Surroundings) -> None:
    """What can be said of a recipe's checkpoint before anything is queued. Raises InputError."""
    for use in recipe.uses:
        reason = techniques().get(use.key).unusable(use.settings, surroundings)
        if reason:
            raise InputError(f"{use.key} cannot be used here: {reason}")
    check_orders(store, recipe)


async def prepare_served(
    store: Store, settings: Settings, source: Checkpoint, resolved: Resolved, measured: str | None, say: Say
) -> Served:
    """Makes the checkpoint where the recipe orders one that is not there yet. `measured` is the prompt set of the runs.

    Raises InputError and PreparationError."""
    check_orders(store, resolved.recipe)
    named = named_checkpoint(resolved)
    if named is not None:
        sizes = {"weight_bytes_before": float(source.weight_bytes), "weight_bytes_after": float(named.weight_bytes)}
        return Served(_under_the_name_of(source, named), source, sizes)
    for order in orders_of(resolved.recipe):
        text = text_for(store, source, order, measured)
        made = await make_checkpoint(order, source, text, settings, say)
        facts = dict(made.facts)
        if order.samples and text.prompt_set == measured:
            facts["calibrated_on_measured"] = 1.0
        return Served(_under_the_name_of(source, read_checkpoint(made.folder)), source, facts)
    return Served(source, source)


def text_for(store: Store, source: Checkpoint, order: CheckpointOrder, measured: str | None) -> CalibrationText:
    row = find_prompts(store, order.calibration or default_set(measured))
    tokenizer = read_tokenizer(source.folder)
    if tokenizer is None:
        raise InputError(
            f"the tokenizer of {source.name} cannot be read here, so there is no text to quantize it with; name a "
            "checkpoint that is quantized already"
        )

    def tokenize(prompt: Prompt) -> list[int]:
        """The prompt as it is sent, and its expected answer."""
        answer = prompt.expected or ""
        if prompt.is_chat and source.has_chat_template:
            turns = prompt.rendered_messages() + ([{"role": "assistant", "content": answer}] if answer else [])
            text = tokenizer.apply_chat_template(turns, tokenize=False)
            return list(tokenizer(text, add_special_tokens=False)["input_ids"])
        return list(tokenizer(f"{prompt.plain_text()} {answer}".strip())["input_ids"])

    return calibration_text(load_prompt_set(store, row.id), tokenize, order.samples)


def _named(recipe: Recipe) -> Iterator[tuple[str, str]]:
    for use in recipe.uses:
        setting = techniques().get(use.key).serves(use.settings)
        if setting is not None:
            yield use.key, setting


def _under_the_name_of(source: Checkpoint, made: Checkpoint) -> Checkpoint:
    return replace(made, name=source.name)
