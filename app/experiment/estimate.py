"""How long an experiment will take, judging by what was measured on this machine before. Pure but for `read_past`.

Time is counted as (prompts + warm-up) x seconds for each request, plus the starts of engines. Seconds for a request
come from the earlier runs that are most like the planned one; where nothing was measured there is no estimate. What
prepares a run (a download, a quantization) is not counted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np

from app.engine.plan import EngineOptions
from app.experiment.spec import ExperimentSpec
from app.words import count_of
from optimizers.recipe import Recipe
from store.experiments import RECORDED
from store.store import Store

RECENT = 30
"""Experiments that are looked at; older ones tell of another state of the machine."""
SLACK = 0.1
"""Equal measurements on one machine lie apart by about as much, so no range is narrower than this to either side."""
NOTHING = "no estimate yet: nothing has been measured here"
NO_START = "no estimate yet: no start of an engine has been measured here"


@dataclass(frozen=True)
class PastRun:
    """`target` is a model's name or an endpoint; `recipe`, `load` and `engine`, what a person said of the engine, are
    texts that are equal for equal ones."""

    target: str
    attached: bool
    recipe: str
    load: str
    prompt_set: int
    seconds_per_request: float
    engine: str


@dataclass(frozen=True)
class Past:
    """`starts` are (target, seconds that an engine's start and end took)."""

    runs: tuple[PastRun, ...] = ()
    starts: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Estimate:
    """`low_s` to `high_s`, or None for both; `basis` says what it rests on, or why there is none."""

    low_s: float | None
    high_s: float | None
    basis: str

    @property
    def sentence(self) -> str:
        if self.low_s is None or self.high_s is None:
            return self.basis
        return f"{range_of(self.low_s, self.high_s)}, judging by {self.basis}"


def estimate(spec: ExperimentSpec, prompts: int, engine_starts: int, past: Past) -> Estimate:
    """`prompts` are those of one run, `engine_starts` those of the whole experiment."""
    low, high, used, strange = 0.0, 0.0, set[PastRun](), 0
    for rung in spec.rungs:
        alike, own = _most_alike(spec, rung.recipe, past.runs)
        if not alike:
            return Estimate(None, None, NOTHING)
        used |= {*alike}
        strange += not own
        requests = spec.repeats * (prompts + spec.warm_up)
        fast, slow = _spread([run.seconds_per_request for run in alike])
        rate = (rung.load or spec.load).rate
        timetable = spec.repeats * prompts / rate if rate else 0.0
        low, high = low + max(requests * fast, timetable), high + max(requests * slow, timetable)
    if engine_starts:
        own_starts = [seconds for target, seconds in past.starts if target == _target(spec)]
        starts = own_starts or [seconds for _, seconds in past.starts]
        if not starts:
            return Estimate(None, None, NO_START)
        fast, slow = _spread(starts)
        low, high = low + engine_starts * fast, high + engine_starts * slow
    basis = f"{count_of(len(used), 'earlier run')} here"
    if strange:
        rungs = "the rung has" if len(spec.rungs) == 1 else f"{strange} of {count_of(len(spec.rungs), 'rung')} have"
        basis += f"; {rungs} not been measured so before, and others stand in"
    return Estimate(low, high, basis)


def range_of(low_s: float, high_s: float) -> str:
    """A range of times as people say it, never more exact than it can be known."""
    if high_s < 60:
        return "less than a minute"
    if high_s >= 120 * 60:
        return f"{low_s / 3600:.1f} to {high_s / 3600:.1f} h"
    low, high = floor(low_s / 60), ceil(high_s / 60)
    return f"up to {high} min" if low < 1 else f"{low} to {high} min"


def read_past(store: Store, hardware: str) -> Past:
    """What the store has of runs on that hardware."""
    runs: list[PastRun] = []
    starts: list[tuple[str, float]] = []
    own = [row for row in store.experiments.recent(RECENT) if "load" in row.spec and RECORDED not in row.spec]
    found: dict[int, list[tuple[list[Any], dict[str, Any]]]] = {}
    for experiment_id, recipe, summary in store.runs.summaries_on(hardware, [row.id for row in own]):
        found.setdefault(experiment_id, []).append((recipe, summary))
    for experiment in own:
        spec, here = experiment.spec, found.get(experiment.id, [])
        target = _target_name(spec.get("endpoint"), spec.get("model"))
        for recipe, summary in here:
            pace = _pace(summary)
            if pace is not None:
                runs.append(
                    PastRun(
                        target=target,
                        attached=spec.get("endpoint") is not None,
                        recipe=_text(recipe),
                        load=_text(spec["load"]),
                        prompt_set=spec["prompt_set_id"],
                        seconds_per_request=pace,
                        engine=_text(EngineOptions.from_json(spec.get("engine") or {}).to_json()),
                    )
                )
        spent = experiment.seconds
        if here and experiment.status == "done" and experiment.engine_starts and "engine_start" in spent:
            seconds = spent["engine_start"] + spent.get("other", 0.0)
            starts.append((target, seconds / experiment.engine_starts))
    return Past(tuple(runs), tuple(starts))


def _most_alike(spec: ExperimentSpec, recipe: Recipe, past: Sequence[PastRun]) -> tuple[list[PastRun], bool]:
    """The earlier runs that come closest, and whether they are of the same recipe, engine and load."""
    target, wanted, load = _target(spec), _text(recipe.to_json()), _text(spec.load.to_json())
    of_target = [run for run in past if run.target == target]
    of_engine = [run for run in of_target if run.engine == _text(spec.engine.to_json())]
    of_recipe = [run for run in of_engine if run.recipe == wanted and run.load == load]
    of_prompts = [run for run in of_recipe if run.prompt_set == spec.prompt_set_id]
    if of_recipe:
        return of_prompts or of_recipe, True
    of_load = [run for run in of_engine or of_target if run.load == load]
    # Another server's pace says nothing of this machine, nor this machine's of another server.
    anything = [] if spec.endpoint is not None else [run for run in past if not run.attached]
    return of_load or of_engine or of_target or anything, False


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Where the middle 80 % of the values lie, and at least SLACK round their median."""
    low, middle, high = np.percentile(values, [10, 50, 90])
    return float(min(low, middle * (1 - SLACK))), float(max(high, middle * (1 + SLACK)))


def _pace(summary: dict[str, Any]) -> float | None:
    """Seconds of the run for each request, answered or not."""
    rate = (summary.get("metrics") or {}).get("requests_per_s")
    requests, errors = summary.get("requests") or 0, summary.get("errors") or 0
    return (requests - errors) / rate / requests if rate and requests else None


def _target(spec: ExperimentSpec) -> str:
    return _target_name(spec.endpoint, spec.model)


def _target_name(endpoint: str | None, model: str | None) -> str:
    return str(endpoint or model)


def _text(document: Any) -> str:
    return json.dumps(document, sort_keys=True)
