"""Finished load sweeps for tests of the What-if page, through the real repositories and summaries.

The figures are made up but shaped like measured ones: a replica answers what comes until it is full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.experiment.measure import save_records, save_summary
from app.experiment.queue import enqueue
from app.experiment.spec import ExperimentSpec, Rung
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import find_prompts, load_prompt_set
from app.replay.load import LoadProfile
from app.replay.record import RequestRecord
from optimizers.recipe import Recipe
from store.store import Store
from store.tables import RunRow
from tests.building import record
from tests.pages.factory import manifest

TTFT_MS: Mapping[float, float] = {1: 120, 2: 150, 4: 400, 8: 2_400}
CACHED = 40


def swept(
    store: Store,
    keys: Sequence[str] = (),
    ttft_ms: Mapping[float, float] = TTFT_MS,
    repeats: int = 2,
    prompts: int = 16,
    **options: Any,
) -> int:
    """A sweep of the recipe of those techniques: TTFT by requests/s. `options` go to the specification."""
    recipe = Recipe.of([(key, {}) for key in keys])
    loads = [LoadProfile("constant_rate", rate=rate) for rate in ttft_ms]
    spec = ExperimentSpec(
        kind="sweep",
        prompt_set_id=find_prompts(store, "support-desk").id,
        rungs=tuple(Rung(f"{load.rate:g} requests/s", recipe, load) for load in loads),
        model="starter",
        prompt_limit=prompts,
        load=loads[0],
        repeats=repeats,
        **options,
    )
    experiment_id = enqueue(store, spec, f"Load sweep: {recipe.title}, starter on support-desk")
    store.experiments.claim(experiment_id)
    for run in store.runs.of_experiment(experiment_id):
        measure(store, spec, run, ttft_ms, "prefix_caching" in keys)
    store.experiments.finish(experiment_id, "done", {"total": 60.0})
    return experiment_id


def measure(store: Store, spec: ExperimentSpec, run: RunRow, ttft_ms: Mapping[float, float], caches: bool) -> None:
    prompt_set = load_prompt_set(store, spec.prompt_set_id, spec.prompt_limit)
    load = spec.load_of(run.rung)
    facts = manifest(spec, prompt_set) | {"load": load.to_json(), "price_per_hour": spec.price_per_hour}
    store.runs.start(run.id, facts | {"schedule": run.label, "recipe": run.recipe})
    segment = store.runs.open_segment(run.id, None)
    save_records(store, run.id, segment, records(run, load, prompt_set, ttft_ms, caches))
    store.runs.close_segment(run.id, segment, {"delta": None, "peak_in_flight": 1, "cold_start": "reset"})
    save_summary(store, spec, store.runs.get(run.id), prompt_set)
    store.runs.finish(run.id, "done")


def records(
    run: RunRow, load: LoadProfile, prompt_set: PromptSet, ttft_ms: Mapping[float, float], caches: bool
) -> list[RequestRecord]:
    """Every second repeat is 4 % slower."""
    assert load.rate is not None
    slow = 1.0 + 0.04 * (run.repeat % 2)
    return [
        record(
            at,
            due_ms=1000 * at / load.rate,
            ttft_ms=ttft_ms[load.rate] * slow,
            tpot_ms=10.0,
            cached_tokens=CACHED if caches else 0,
        )
        for at in range(len(prompt_set.prompts))
    ]
