"""Queues an experiment: checks it against what is there, then writes it and its runs in one transaction."""

from __future__ import annotations

from app.experiment.spec import ExperimentSpec
from optimizers.errors import InputError
from store.experiments import PlannedRun
from store.store import Store


def enqueue(store: Store, spec: ExperimentSpec, title: str) -> int:
    """The new experiment's id."""
    size = store.prompt_sets.get(spec.prompt_set_id).size
    requests = min(size, spec.prompt_limit or size)
    if not spec.rungs:
        raise InputError("the experiment has no recipe to measure")
    runs = [
        PlannedRun(rung=number, repeat=repeat, label=rung.label, recipe=rung.recipe.to_json(), requests=requests)
        for number, rung in enumerate(spec.rungs)
        for repeat in range(spec.repeats)
    ]
    return store.experiments.enqueue(spec.kind, title, spec.to_json(), runs)
