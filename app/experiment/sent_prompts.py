"""The prompts as a recipe's techniques change them, made before any engine runs and kept for the run itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from app.engine.checkpoint import Checkpoint
from app.engine.hardware import Hardware
from app.engine.hub import find_model
from app.engine.named_models import resolve_models
from app.engine.plan import plan_engine
from app.experiment.spec import ExperimentSpec
from app.preparation.counting import FolderCounter
from app.preparation.prompts import Prepared, prepare
from app.preparation.tools import PreparationTools
from app.preparation.work import Progress
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe
from store.settings import Settings
from store.store import Store

Sent = Callable[[Recipe], Sequence[Prompt] | None]


def sent_by(
    store: Store,
    settings: Settings,
    spec: ExperimentSpec,
    checkpoint: Checkpoint,
    hardware: Hardware,
    prompts: Sequence[Prompt],
    progress: Progress = lambda done, total: None,
) -> Sent:
    """A function from a recipe to its prompts: None where the served model is asked for them, and so an engine needed.

    It takes as long as the techniques do, once for each of their settings; `progress` is told (done, of how many) by
    those that say so. What it raises ends the work. Raises InputError.
    """

    def sent(recipe: Recipe) -> Sequence[Prompt] | None:
        resolved = resolve_models(recipe, partial(find_model, store, settings), checkpoint)
        chat = plan_engine(checkpoint, resolved.recipe, hardware, spec.engine).chat
        counter = FolderCounter(checkpoint.folder, checkpoint.fingerprint, chat)
        tools = PreparationTools(counter, progress)
        begun = Prepared.begin(prompts, resolved.recipe)
        prepared = asyncio.run(prepare(begun, tools, counter, settings.prepared_prompts, resolved.to_json()))
        return None if prepared.waits_for_engine else prepared.prompts

    return sent


def needs_sent(recipe: Recipe) -> bool:
    """Whether the recipe has the prefix cache beside a technique that changes prompts."""
    return recipe.settings_of("prefix_caching") is not None and bool(recipe.prompt_uses())
