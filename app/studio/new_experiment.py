"""An experiment as the Lab puts it together: what can be chosen, what it would do, the order for it. Draws nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.analysis.sweep import Slo
from app.engine.builtin import STARTER
from app.engine.hardware import Hardware
from app.engine.hub import find_model
from app.engine.plan import AUTO, EngineOptions
from app.experiment.cautions import cautions_of
from app.experiment.companions import companion_settings
from app.experiment.kinds import KINDS
from app.experiment.preview import Preview, preview
from app.experiment.queue import enqueue
from app.experiment.sent_prompts import needs_sent, sent_by
from app.experiment.spec import ExperimentSpec, Rung
from app.experiment.sweep_loads import KIND as SWEEP
from app.experiment.sweep_loads import Varied, sweep_loads, sweep_rungs
from app.experiment.usable import why_not
from app.preparation.prompts import refuse_idle
from app.preparation.served import check_prepared
from app.preparation.work import Progress
from app.prompts.saved import find_prompts, load_prompt_set
from app.replay.body import Sampling
from app.replay.load import RATED, Kind, LoadProfile, Unbatched, plan_schedule
from app.words import title_of
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe, TechniqueUse
from optimizers.registry import techniques
from store.settings import Settings
from store.store import Store

FIRST_SET, FIRST_PROMPTS = "support-desk", 16
RUN = "run"
LOADS_FIELD, LIMITS_FIELD = "Loads", "Limits"


@dataclass(frozen=True)
class Offered:
    """A kind of experiment as it is chosen."""

    title: str
    help: str


OFFERED: Mapping[str, Offered] = {
    **{key: Offered(kind.title, kind.help) for key, kind in KINDS.items()},
    RUN: Offered("Just this recipe", "Exactly what is on, without rungs, with or without the baseline beside it."),
    SWEEP: Offered(
        "Load sweep",
        "Exactly what is on, under growing load: where latency bends, and the highest load within limits, which can be "
        "changed beside the results.",
    ),
}


@dataclass(frozen=True)
class Choice:
    """`prompts` is a set's name, `limit` how many of its prompts are sent; the order of `techniques` counts. `settings`
    has those of each technique that a person was shown, None for what comes with the model. `unbatched` is how recipes
    without continuous batching are sent; `rate`, in requests/s, is unread by loads that have none. `baseline` is read
    by a single recipe only; `varied`, `loads`, numbers with commas between them, and `slo`, limits as in
    `ttft_ms=500,tpot_ms=50`, by a sweep, which reads no other load; `price` is the hardware's, in dollars an
    hour. `max_tokens` holds for prompts that name none; what is None of the engine is left to Rung."""

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
    baseline: bool = True
    varied: Varied = "closed_loop"
    loads: str = "1, 2, 4, 8"
    slo: str = ""
    price: float | None = None
    max_tokens: int = Sampling().max_tokens
    temperature: float = Sampling().temperature
    warm_up: int = 2
    max_model_len: int | None = None
    kv_cache_gib: float | None = None
    dtype: str = AUTO

    @property
    def profile(self) -> LoadProfile:
        rate = self.rate if self.load in RATED else None
        return LoadProfile(self.load, self.concurrency, self.unbatched, rate=rate)

    def settings_of(self, key: str) -> Mapping[str, Any]:
        """Those that were chosen, or what comes with the model."""
        return (companion_settings(self.model) if self.settings is None else self.settings).get(key, {})

    @property
    def recipe(self) -> Recipe:
        """What is on, in its order. Raises InputError for what cannot be together or is set as it cannot be."""
        return Recipe.of((key, self.settings_of(key)) for key in self.techniques)


@dataclass(frozen=True)
class There:
    """What can be chosen here: models, and prompt sets with their sizes. Neither is empty."""

    models: Sequence[str]
    sets: Mapping[str, int]


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


def first_choice(store: Store, settings: Settings, hardware: Hardware, there: There) -> Choice:
    """What the Lab shows to somebody who chose nothing: a short ladder of one technique that works here."""
    model = STARTER if STARTER in there.models else there.models[0]
    prompts = FIRST_SET if FIRST_SET in there.sets else next(iter(there.sets))
    chosen = offered(store, settings, hardware, model, prompts).chosen
    quick = [key for key in chosen if not _takes_time(key, model)] or list(chosen)
    return Choice(
        model, prompts, "ladder", tuple(quick[:1]), repeats=3, limit=min(FIRST_PROMPTS, there.sets[prompts]),
        concurrency=8, rate=2.0,
    )  # fmt: skip


def put_together(
    store: Store, settings: Settings, hardware: Hardware, choice: Choice, foretell: Progress | None = None
) -> NewExperiment:
    """Raises InputError when it cannot be measured here, saying why. With `foretell`, which is told how far it is, the
    prompts are changed now, so that the cautions can say what the prefix cache will serve of them."""
    prompt_set = find_prompts(store, choice.prompts)
    checkpoint = find_model(store, settings, choice.model)
    brought = companion_settings(choice.model) if choice.settings is None else {}
    limit = choice.limit if choice.limit < prompt_set.size else None
    asked = load_prompt_set(store, prompt_set.id, limit)
    rungs = rungs_of(choice, asked.prompts)
    spec = ExperimentSpec(
        kind=choice.kind,
        prompt_set_id=prompt_set.id,
        rungs=rungs,
        model=choice.model,
        prompt_limit=limit,
        load=rungs[0].load or choice.profile,
        sampling=Sampling(choice.max_tokens, choice.temperature),
        engine=EngineOptions(choice.max_model_len, choice.kv_cache_gib, choice.dtype),
        warm_up=choice.warm_up,
        repeats=choice.repeats,
        price_per_hour=choice.price,
        slo=Slo.read(choice.slo, LIMITS_FIELD) if choice.kind == SWEEP and choice.slo.strip() else None,
    )
    used = {use.key: use for rung in spec.rungs for use in rung.recipe.uses}
    plan_schedule(spec.load, Recipe().schedule(), asked.prompts)
    for use in used.values():
        refuse_idle(use, asked.prompts)
    for rung in spec.rungs:
        check_prepared(store, rung.recipe, hardware.surroundings(checkpoint.config))
    sent = None if foretell is None else sent_by(store, settings, spec, checkpoint, hardware, asked.prompts, foretell)
    return NewExperiment(
        spec=spec,
        title=_title(choice, spec.rungs[-1].recipe, prompt_set.name),
        preview=preview(store, settings, spec, hardware, checkpoint),
        variants=tuple(said for key, use in used.items() if key in brought and (said := _variant(use))),
        cautions=cautions_of(spec, checkpoint, hardware, asked, sent),
        can_foretell=any(needs_sent(rung.recipe) for rung in spec.rungs),
    )


def rungs_of(choice: Choice, prompts: Sequence[Prompt]) -> tuple[Rung, ...]:
    """What is measured, in its order. Raises InputError for techniques or loads that it cannot be made of."""
    if choice.kind == SWEEP:
        return sweep_rungs(choice.recipe, sweep_loads(choice.varied, choice.loads, LOADS_FIELD), prompts)
    if choice.kind == RUN:
        recipe = choice.recipe
        baseline = (Rung("Baseline", Recipe()),) if choice.baseline and recipe.uses else ()
        return (*baseline, Rung(recipe.title, recipe))
    return KINDS[choice.kind].rungs(choice.techniques, {key: choice.settings_of(key) for key in choice.techniques})


def _title(choice: Choice, recipe: Recipe, prompts: str) -> str:
    if choice.kind in KINDS:
        return f"{KINDS[choice.kind].title}: {choice.model} on {prompts}"
    kind = "Run" if choice.kind == RUN else OFFERED[choice.kind].title
    return f"{kind}: {recipe.title}, {choice.model} on {prompts}"


def _takes_time(key: str, model: str) -> bool:
    """Whether something has to be prepared before it can be measured."""
    technique = techniques().get(key)
    order = technique.checkpoint_order(technique.check(companion_settings(model).get(key, {})))
    return order is not None or technique.prompt_order is not None


def start(store: Store, new: NewExperiment) -> int:
    """The queued experiment's id."""
    return enqueue(store, new.spec, new.title)


def _variant(use: TechniqueUse) -> str:
    said = techniques().get(use.key).variant(use.settings)
    return f"{title_of(use.key)} {said}." if said else ""
