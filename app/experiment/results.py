"""Reads an experiment's stored runs into the pure ladder model. The only bridge from the store to analysis."""

from __future__ import annotations

from itertools import groupby

from app.analysis.compare import RungData
from app.analysis.ladder import Ladder, RungRuns, build_ladder
from app.experiment.measure import load_records
from optimizers.recipe import Recipe
from store.store import Store
from store.tables import RunRow


def load_ladder(store: Store, experiment_id: int) -> Ladder:
    """The experiment's rungs; those that have not run yet are there without figures."""
    rows = store.runs.of_experiment(experiment_id)
    return build_ladder([rung_of(store, list(runs)) for _, runs in groupby(rows, key=lambda run: run.rung)])


def rung_of(store: Store, runs: list[RunRow]) -> RungRuns:
    """All repeats of one rung. Only finished runs bring records: a half run would skew the comparison."""
    done = [run for run in runs if run.status == "done"]
    return RungRuns(
        rung=runs[0].rung,
        label=runs[0].label,
        recipe=Recipe.from_json(runs[0].recipe),
        run_ids=tuple(run.id for run in runs),
        statuses=tuple(run.status for run in runs),
        summaries=tuple(run.summary for run in runs),
        data=rung_data(store, done),
        schedule=next((run.manifest["schedule"] for run in runs if run.manifest), ""),
    )


def rung_data(store: Store, runs: list[RunRow]) -> RungData:
    manifest = next((run.manifest for run in runs if run.manifest), None) or {}
    return RungData(
        repeats=tuple(tuple(load_records(store, run.id)) for run in runs),
        prompt_set=manifest.get("prompt_set", {}).get("content_hash", ""),
        hardware=manifest.get("hardware", {}).get("title", ""),
    )
