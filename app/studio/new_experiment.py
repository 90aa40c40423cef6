"""An experiment as the Ladder page's form puts it together: what can be chosen, what it would do, the order for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.engine.builtin import companion_settings
from app.engine.checkpoint import Checkpoint
from app.engine.hardware import Hardware
from app.engine.hub import find_model
from app.experiment.kinds import KINDS
from app.experiment.preview import Preview, preview
from app.experiment.queue import enqueue
from app.experiment.spec import ExperimentSpec
from app.prompts.saved import find_prompts
from app.replay.load import LoadProfile
from app.words import title_of
from optimizers.recipe import TechniqueUse
from optimizers.registry import techniques
from optimizers.technique import Surroundings
from store.settings import Settings
from store.store import Store


@dataclass(frozen=True)
class Choice:
    """`prompts` is a set's name, `limit` how many of its prompts are sent; the order of `techniques` counts."""

    model: str
    prompts: str
    kind: str
    techniques: tuple[str, ...]
    repeats: int
    limit: int
    concurrency: int


@dataclass(frozen=True)
class Offer:
    """Technique -> title of those that can be used, and (title, reason) of those that cannot."""

    usable: Mapping[str, str]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class NewExperiment:
    """`variants` say which settings come with the model, as nobody chose them."""

    spec: ExperimentSpec
    title: str
    preview: Preview
    variants: tuple[str, ...]


def offered(checkpoint: Checkpoint, hardware: Hardware) -> Offer:
    surroundings = Surroundings(hardware.device, True, checkpoint.config)
    reasons = {technique: technique.unavailable(surroundings) for technique in techniques().all()}
    return Offer(
        {technique.key: technique.title for technique, reason in reasons.items() if reason is None},
        tuple((technique.title, reason) for technique, reason in reasons.items() if reason is not None),
    )


def put_together(store: Store, settings: Settings, hardware: Hardware, choice: Choice) -> NewExperiment:
    """Raises InputError when it cannot be measured here, saying why."""
    kind, prompt_set = KINDS[choice.kind], find_prompts(store, choice.prompts)
    checkpoint = find_model(store, settings, choice.model)
    brought = companion_settings(choice.model)
    spec = ExperimentSpec(
        kind=kind.key,
        prompt_set_id=prompt_set.id,
        rungs=kind.rungs(choice.techniques, brought),
        model=choice.model,
        prompt_limit=choice.limit if choice.limit < prompt_set.size else None,
        load=LoadProfile("closed_loop", choice.concurrency, "one_by_one"),
        repeats=choice.repeats,
    )
    used = {use.key: use for rung in spec.rungs for use in rung.recipe.uses}
    return NewExperiment(
        spec=spec,
        title=f"{kind.title}: {choice.model} on {prompt_set.name}",
        preview=preview(store, settings, spec, hardware, checkpoint),
        variants=tuple(said for key, use in used.items() if key in brought and (said := _variant(use))),
    )


def start(store: Store, new: NewExperiment) -> int:
    """The queued experiment's id."""
    return enqueue(store, new.spec, new.title)


def _variant(use: TechniqueUse) -> str:
    said = techniques().get(use.key).variant(use.settings)
    return f"{title_of(use.key)} {said}." if said else ""
