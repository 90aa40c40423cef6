"""What an experiment will do, counted before it is queued: rungs, runs, requests, engine starts and the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from app.engine.checkpoint import Checkpoint
from app.engine.hardware import Hardware
from app.engine.hub import find_model
from app.engine.named_models import resolve_models
from app.engine.plan import EngineOptions, plan_engine, refuse_weights
from app.experiment.estimate import Estimate, estimate, read_past
from app.experiment.kinds import KINDS
from app.experiment.spec import ExperimentSpec, Rung
from app.preparation.served import what_is_served
from app.words import count_of, in_sentence
from optimizers.recipe import Recipe, TechniqueUse
from store.settings import Settings
from store.store import Store


@dataclass(frozen=True)
class PlannedRung:
    """`engine` numbers the engines from 1, in the order they start; None at an endpoint."""

    label: str
    techniques: tuple[str, ...]
    engine: int | None


@dataclass(frozen=True)
class Preview:
    """`prompts` are those that each run sends of the `prompts_in_set`, `warm_up` what it sends before, unmeasured."""

    kind: str
    rungs: tuple[PlannedRung, ...]
    repeats: int
    prompts: int
    prompts_in_set: int
    warm_up: int
    engine_starts: int
    estimate: Estimate

    @property
    def runs(self) -> int:
        return len(self.rungs) * self.repeats

    @property
    def requests(self) -> int:
        """Those that are measured."""
        return self.runs * self.prompts

    @property
    def sentence(self) -> str:
        kind = KINDS[self.kind].title if self.kind in KINDS else self.kind
        warm_up = f" and {self.runs * self.warm_up:,} to warm up" if self.warm_up else ""
        total = (
            f" (the first {self.prompts:,} of {self.prompts_in_set:,})" if self.prompts < self.prompts_in_set else ""
        )
        return (
            f"{in_sentence(kind)}, {count_of(len(self.rungs), 'rung')} × {count_of(self.repeats, 'repeat')} = "
            f"{count_of(self.runs, 'run')} of {count_of(self.prompts, 'prompt')}{total}: "
            f"{count_of(self.requests, 'request')}{warm_up}, {count_of(self.engine_starts, 'engine start')}; "
            f"{self.estimate.sentence}"
        )


def preview(
    store: Store, settings: Settings, spec: ExperimentSpec, hardware: Hardware, checkpoint: Checkpoint | None
) -> Preview:
    """`checkpoint` is the served model, None at an endpoint. Raises InputError for what could not be launched."""
    if checkpoint is None:
        engines: list[int | None] = [None] * len(spec.rungs)
    else:
        find = partial(find_model, store, settings)
        keys = engine_keys(spec.rungs, find, checkpoint, hardware, spec.engine)
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys), start=1)}
        engines = [numbers[key] for key in keys]
    size = store.prompt_sets.get(spec.prompt_set_id).size
    prompts = min(size, spec.prompt_limit or size)
    starts = len({engine for engine in engines if engine is not None})
    return Preview(
        kind=spec.kind,
        rungs=tuple(
            PlannedRung(rung.label, tuple(use.key for use in rung.recipe.uses), engine)
            for rung, engine in zip(spec.rungs, engines, strict=True)
        ),
        repeats=spec.repeats,
        prompts=prompts,
        prompts_in_set=size,
        warm_up=spec.warm_up,
        engine_starts=starts,
        estimate=estimate(spec, prompts, starts, read_past(store, hardware.title)),
    )


def engine_keys(
    rungs: Sequence[Rung],
    find: Callable[[str], Checkpoint],
    checkpoint: Checkpoint,
    hardware: Hardware,
    options: EngineOptions,
) -> list[str]:
    """For each rung what tells its engine from others: rungs with equal keys share one."""

    @cache
    def launched(use: TechniqueUse) -> TechniqueUse:
        # A factorial has the same technique in half of its rungs, and looking at its model can take a second.
        resolved = resolve_models(Recipe((use,)), find, checkpoint)
        refuse_weights(resolved.loaded_by_engine, hardware)
        return resolved.recipe.uses[0]

    recipes = (Recipe(tuple(launched(use) for use in rung.recipe.uses)) for rung in rungs)
    return [f"{plan_engine(checkpoint, recipe, hardware, options).key} {what_is_served(recipe)}" for recipe in recipes]
