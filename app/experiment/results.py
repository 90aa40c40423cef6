"""Reads an experiment's stored runs into the pure ladder model. The only bridge from the store to analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy.exc import DatabaseError

from app.analysis.compare import RungData
from app.analysis.ladder import Ladder, RungRuns, build_ladder
from app.analysis.scoring import DEFAULT_RULE
from app.analysis.summary import CountedRecord
from app.analysis.sweep import Load
from app.experiment.kept_ladder import key_of, read, written
from app.experiment.kinds import reference_of
from app.experiment.measure import load_records
from app.experiment.spec import ExperimentSpec
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import load_prompt_set
from optimizers.recipe import Recipe
from store.experiments import UNFINISHED
from store.imports import IMPORTED
from store.store import Store
from store.tables import ExperimentRow, RunRow


def load_ladder(store: Store, experiment_id: int) -> Ladder:
    """The experiment's rungs; those that have not run yet are there without figures.

    Of an experiment that has ended it is worked out once and kept, under a key of all that it depends on.
    """
    experiment, runs = store.experiments.get(experiment_id), store.runs.of_experiment(experiment_id)
    key = key_of(experiment, runs)
    kept = store.analyses.find(experiment_id, key)
    ladder = None if kept is None else read(kept)
    if ladder is None:
        ladder = _work_out(store, experiment, runs)
        if experiment.status not in UNFINISHED:
            # What cannot be kept, as in a database that is full or read-only, is worked out the next time.
            with suppress(DatabaseError):
                store.analyses.keep(experiment_id, key, written(ladder))
    return ladder


def _work_out(store: Store, experiment: ExperimentRow, runs: list[RunRow]) -> Ladder:
    asked = prompts_of(store, experiment.id)
    rungs = [rung_of(store, list(repeats), asked) for _, repeats in groupby(runs, key=lambda run: run.rung)]
    return build_ladder(rungs, reference_of(experiment.kind), repeated=experiment.kind != IMPORTED)


def measured_loads(store: Store, experiment_id: int) -> list[Load]:
    """The finished runs of a load sweep, by what was offered: requests/s, or requests in flight."""
    spec = ExperimentSpec.from_json(store.experiments.get(experiment_id).spec)
    found: dict[int, list[Sequence[CountedRecord]]] = {}
    for run in store.runs.of_experiment(experiment_id):
        if run.status == "done":
            found.setdefault(run.rung, []).append(load_records(store, run.id, chunks=False))
    profiles = {rung: spec.load_of(rung) for rung in found}
    return [
        Load(profiles[rung].rate or float(profiles[rung].concurrency), tuple(repeats))
        for rung, repeats in found.items()
    ]


def first_manifest(runs: Iterable[RunRow]) -> dict[str, Any]:
    """That of the first run that has begun; empty before."""
    return next((run.manifest for run in runs if run.manifest), None) or {}


def prompts_of(
    store: Store, experiment_id: int, load: Callable[[int, int | None], PromptSet] | None = None
) -> PromptSet | None:
    """What the experiment's runs were asked, None where its specification names no set. `load` reads a set by its
    number and the limit, for those who keep what they have read."""
    spec = store.experiments.get(experiment_id).spec
    if "prompt_set_id" not in spec:
        return None
    return (load or partial(load_prompt_set, store))(spec["prompt_set_id"], spec.get("prompt_limit"))


def rung_of(store: Store, runs: list[RunRow], asked: PromptSet | None = None) -> RungRuns:
    """All repeats of one rung. Only finished runs bring records: a half run would skew the comparison."""
    done = [run for run in runs if run.status == "done"]
    return RungRuns(
        rung=runs[0].rung,
        label=runs[0].label,
        recipe=Recipe.from_json(runs[0].recipe),
        run_ids=tuple(run.id for run in runs),
        statuses=tuple(run.status for run in runs),
        summaries=tuple(run.summary for run in runs),
        data=rung_data(store, done, asked),
        schedule=next((run.manifest["schedule"] for run in runs if run.manifest), ""),
    )


def rung_data(store: Store, runs: list[RunRow], asked: PromptSet | None = None) -> RungData:
    """Without `asked`, nothing is known of right and wrong answers."""
    manifest = first_manifest(runs)
    return RungData(
        repeats=tuple(tuple(load_records(store, run.id, chunks=False)) for run in runs),
        prompt_set=manifest.get("prompt_set", {}).get("content_hash", ""),
        hardware=manifest.get("hardware", {}).get("title", ""),
        expected={} if asked is None else asked.expected,
        score=DEFAULT_RULE if asked is None else asked.score,
    )
