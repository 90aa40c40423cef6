"""An experiment as the Ladder page's form puts it together: what can be chosen, what it would do, the order for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.engine.builtin import companion_settings
from app.engine.hardware import Hardware
from app.engine.hub import find_model
from app.experiment.cautions import cautions_of
from app.experiment.kinds import KINDS
from app.experiment.preview import Preview, preview
from app.experiment.queue import enqueue
from app.experiment.sent_prompts import needs_sent, sent_by
from app.experiment.spec import ExperimentSpec
from app.experiment.usable import why_not
from app.preparation.prompts import refuse_idle
from app.preparation.served import check_prepared
from app.prompts.saved import find_prompts, load_prompt_set
from app.replay.load import RATED, Kind, LoadProfile, Unbatched, plan_schedule
from app.words import title_of
from optimizers.recipe import Recipe, TechniqueUse
from optimizers.registry import techniques
from store.settings import Settings
from store.store import Store


@dataclass(frozen=True)
class Choice:
    """`prompts` is a set's name, `limit` how many of its prompts are sent; the order of `techniques` counts. `settings`
    has those of each technique that a person was shown, None for what comes with the model. `unbatched` is how recipes
    without continuous batching are sent; `rate`, in requests/s, is unread by loads that have none."""

    model: str
    prompts: str
    kind: str
    techniques: tuple[str, ...]
    repeats: int
    limit: int
    concurrency: int
    settings: Mapping[str, Mapping[str, Any]] | None = None
    unbatched: Unbatched = "one_by_one"
    load: Kind = "closed_loop"
    rate: float | None = None

    @property
    def profile(self) -> LoadProfile:
        rate = self.rate if self.load in RATED else None
        return LoadProfile(self.load, self.concurrency, self.unbatched, rate=rate)


@dataclass(frozen=True)
class Offer:
    """Technique -> title of those that can be used, those that are chosen at first, and (title, reason) of all
    others."""

    usable: Mapping[str, str]
    chosen: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class NewExperiment:
    """`variants` say which settings come with the model, where nobody chose them; `cautions` what to know before."""

    spec: ExperimentSpec
    title: str
    preview: Preview
    variants: tuple[str, ...]
    cautions: tuple[str, ...]
    can_foretell: bool = False
    """Whether the prefix cache is to serve prompts that a technique changes."""


def offered(store: Store, settings: Settings, hardware: Hardware, model: str, prompts: str) -> Offer:
    """Raises InputError for a model that cannot be found."""
    checkpoint, brought = find_model(store, settings, model), companion_settings(model)
    surroundings = hardware.surroundings(checkpoint.config)
    rows = load_prompt_set(store, find_prompts(store, prompts).id).prompts
    known = techniques().all()
    usable = {found.key: found.title for found in known if found.unavailable(surroundings) is None}
    reasons = {
        found.key: why_not(found.key, brought.get(found.key, {}), surroundings, checkpoint, rows) for found in known
    }
    return Offer(
        usable,
        tuple(key for key in usable if reasons[key] is None),
        tuple((found.title, reason) for found in known if (reason := reasons[found.key]) is not None),
    )


def put_together(
    store: Store, settings: Settings, hardware: Hardware, choice: Choice, foretell: bool = False
) -> NewExperiment:
    """Raises InputError when it cannot be measured here, saying why. `foretell` changes the prompts now, so that the
    cautions can say what the prefix cache will serve of them."""
    kind, prompt_set = KINDS[choice.kind], find_prompts(store, choice.prompts)
    checkpoint = find_model(store, settings, choice.model)
    brought = companion_settings(choice.model) if choice.settings is None else {}
    spec = ExperimentSpec(
        kind=kind.key,
        prompt_set_id=prompt_set.id,
        rungs=kind.rungs(choice.techniques, brought if choice.settings is None else choice.settings),
        model=choice.model,
        prompt_limit=choice.limit if choice.limit < prompt_set.size else None,
        load=choice.profile,
        repeats=choice.repeats,
    )
    used = {use.key: use for rung in spec.rungs for use in rung.recipe.uses}
    asked = load_prompt_set(store, prompt_set.id, spec.prompt_limit)
    plan_schedule(spec.load, Recipe().schedule(), asked.prompts)
    for use in used.values():
        refuse_idle(use, asked.prompts)
    for rung in spec.rungs:
        check_prepared(store, rung.recipe, hardware.surroundings(checkpoint.config))
    sent = sent_by(store, settings, spec, checkpoint, hardware, asked.prompts) if foretell else None
    return NewExperiment(
        spec=spec,
        title=f"{kind.title}: {choice.model} on {prompt_set.name}",
        preview=preview(store, settings, spec, hardware, checkpoint),
        variants=tuple(said for key, use in used.items() if key in brought and (said := _variant(use))),
        cautions=cautions_of(spec, checkpoint, hardware, asked, sent),
        can_foretell=any(needs_sent(rung.recipe) for rung in spec.rungs),
    )


def start(store: Store, new: NewExperiment) -> int:
    """The queued experiment's id."""
    return enqueue(store, new.spec, new.title)


def _variant(use: TechniqueUse) -> str:
    said = techniques().get(use.key).variant(use.settings)
    return f"{title_of(use.key)} {said}." if said else ""
