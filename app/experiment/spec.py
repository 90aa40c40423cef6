"""What an experiment is asked to do, as frozen data that the store keeps as JSON. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.analysis.sweep import Slo
from app.engine.plan import EngineOptions
from app.replay.body import Sampling
from app.replay.load import LoadProfile
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from optimizers.registry import techniques

SCHEMA = "rung.spec/1"
MAX_REPEATS = 100


@dataclass(frozen=True)
class Rung:
    """A recipe of the experiment. `load` is its own load profile, None for the experiment's."""

    label: str
    recipe: Recipe
    load: LoadProfile | None = None

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {"label": self.label, "recipe": self.recipe.to_json()}
        return document if self.load is None else document | {"load": self.load.to_json()}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Rung:
        load = document.get("load")
        recipe = Recipe.from_json(document["recipe"])
        return Rung(document["label"], recipe, None if load is None else LoadProfile.from_json(load))


@dataclass(frozen=True)
class ExperimentSpec:
    """`model` is a name, folder or hub id; with `endpoint` set, the model's name there, or None to ask.

    `warm_up` requests go before each run and are not measured. `price_per_hour` is US dollars, None for no price. `slo`
    is what a sweep is judged by where nobody asks for other limits.
    """

    kind: str
    prompt_set_id: int
    rungs: tuple[Rung, ...]
    model: str | None = None
    endpoint: str | None = None
    prompt_limit: int | None = None
    load: LoadProfile = field(default_factory=LoadProfile)
    sampling: Sampling = field(default_factory=Sampling)
    engine: EngineOptions = field(default_factory=EngineOptions)
    repeats: int = 3
    warm_up: int = 2
    price_per_hour: float | None = None
    idle_timeout_s: float = 300.0
    slo: Slo | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.repeats <= MAX_REPEATS:
            raise InputError(f"{self.repeats} repeats were asked for; give a whole number from 1 to {MAX_REPEATS}")
        if self.model is None and self.endpoint is None:
            raise InputError("neither a model nor an endpoint was given; give --model or --endpoint")
        if self.price_per_hour is not None and not 0 <= self.price_per_hour < math.inf:
            raise InputError(f"the price is {self.price_per_hour} dollars an hour; give 0 or more")
        if not 0 < self.idle_timeout_s < math.inf:
            raise InputError(f"the idle time-out is {self.idle_timeout_s} s; give more than 0")

    def load_of(self, rung: int) -> LoadProfile:
        return self.rungs[rung].load or self.load

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "prompt_set_id": self.prompt_set_id,
            "rungs": [rung.to_json() for rung in self.rungs],
            "model": self.model,
            "endpoint": self.endpoint,
            "prompt_limit": self.prompt_limit,
            "load": self.load.to_json(),
            "sampling": {
                "max_tokens": self.sampling.max_tokens,
                "temperature": self.sampling.temperature,
                "seed": self.sampling.seed,
            },
            "engine": self.engine.to_json(),
            "repeats": self.repeats,
            "warm_up": self.warm_up,
            "price_per_hour": self.price_per_hour,
            "idle_timeout_s": self.idle_timeout_s,
            "slo": None if self.slo is None else dict(self.slo.limits),
        }

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> ExperimentSpec:
        plain = {
            name: document[name]
            for name in (
                "kind", "prompt_set_id", "model", "endpoint", "prompt_limit", "repeats", "warm_up",
                "price_per_hour", "idle_timeout_s",
            )
        }  # fmt: skip
        return ExperimentSpec(
            rungs=tuple(Rung.from_json(rung) for rung in document["rungs"]),
            load=LoadProfile.from_json(document["load"]),
            sampling=replace(Sampling(), **document["sampling"]),
            engine=EngineOptions.from_json(document["engine"]),
            slo=kept_slo(document),
            **plain,
        )


def kept_slo(spec: Mapping[str, Any]) -> Slo | None:
    """The limits that a sweep was started with, by its specification; None where there were none, or none were kept."""
    limits = spec.get("slo")
    return Slo(dict(limits)) if limits else None


def ladder_rungs(
    keys: Sequence[str] | None = None, again: bool = True, settings: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[Rung, ...]:
    """The cumulative ladder: the baseline, the baseline again for the noise floor, then one technique more each.

    `keys` is the order to climb in, all techniques when None. `settings` has those of each technique that are not the
    defaults; what it says of a technique that is not on the ladder is left unread.
    """
    order = list(techniques().keys() if keys is None else keys)
    if not order:
        raise InputError("a ladder needs at least one technique")
    recipe = Recipe()
    rungs = [Rung("Baseline", recipe)]
    if again:
        rungs.append(Rung("Baseline again", recipe))
    for key in order:
        recipe = recipe.plus(key, (settings or {}).get(key))
        rungs.append(Rung(f"+ {techniques().get(key).title}", recipe))
    return tuple(rungs)
