"""One run on a ready engine: warm-up, cold cache, readings before and after, the replay, the summary."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import aiohttp
import numpy as np

from app.analysis.summary import CountedRecord, Observed, summarise
from app.engine.cpu_share import CpuWatch
from app.engine.endpoint import API_KEY_VARIABLE, Endpoint, api_key, reset_prefix_cache
from app.engine.metrics import cache_facts, delta, scrape
from app.experiment.live_file import LiveFile
from app.experiment.machine_facts import machine_facts, meter_for
from app.experiment.prediction import predict_run
from app.experiment.sampling import Samples, sampling
from app.experiment.spec import ExperimentSpec
from app.preparation.prompts import Prepared
from app.prompts.prompt_set import PromptSet
from app.prompts.token_counts import count_tokens
from app.replay.body import as_sent, turns_of, wire_request
from app.replay.client import Wire, open_wire
from app.replay.load import Schedule
from app.replay.record import Exchange, RequestRecord
from app.replay.recorder import Recorder
from app.replay.runner import Replay, ReplayStats
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.store import Store
from store.tables import RunRow

OPEN_LOOP_AHEAD = 64
"""Connections that are open when an open loop starts; how many it will need depends on the answers."""
RECORD_FIELDS = tuple(RequestRecord.__dataclass_fields__)
Cooling = Literal["reset", "salt", "unknown"]
EngineGone = Callable[[], Awaitable[str | None]]


@dataclass
class RunSeconds:
    warm_up: float = 0.0
    generation: float = 0.0


@dataclass(frozen=True)
class Target:
    """Where a run sends to. `checkpoint` is the model's folder, None for an endpoint whose files are elsewhere.
    `engine_log` and `checkpoint_facts` are what techniques may see of the engine's log and of what it serves."""

    endpoint: Endpoint
    chat: bool
    engine_id: int | None
    checkpoint: Path | None
    engine_gone: EngineGone
    engine_pid: int | None = None
    engine_log: tuple[str, ...] = ()
    checkpoint_facts: Mapping[str, float] = field(default_factory=dict)


async def measure_run(
    store: Store,
    spec: ExperimentSpec,
    run: RunRow,
    saved: PromptSet,
    target: Target,
    schedule: Schedule,
    prepared: Prepared | None,
    live_path: Path,
) -> RunSeconds:
    """Sends what the run has not finished yet and stores its summary. `prepared` is what the recipe makes of the
    `saved` prompts, None where it leaves them alone. Those who watch find its newest readings at `live_path`.

    Raises EngineGoneError when the engine dies; what had finished by then is in the store.
    """
    seconds = RunSeconds()
    prompt_set = saved if prepared is None else replace(saved, prompts=prepared.prompts)
    done = store.runs.finished_positions(run.id)
    base_url = target.endpoint.base_url
    headers = {"Authorization": f"Bearer {key}"} if (key := api_key()) else {}
    asking = aiohttp.ClientSession(headers=headers)
    async with asking as session, open_wire(spec.idle_timeout_s, api_key()) as wire:
        began = monotonic()
        cooling = await _cool_down(session, base_url)
        await _warm_up(wire, spec, prompt_set, target, schedule, _salt(cooling))
        if cooling == "reset":
            cooling = await _cool_down(session, base_url)
        seconds.warm_up = monotonic() - began
        salt = _salt(cooling)
        turns = turns_of(prompt_set.prompts, spec.load_of(run.rung).history == "live")
        requests = [
            wire_request(prompt, at, target.endpoint.model, spec.sampling, target.chat, salt, turns[at])
            for at, prompt in enumerate(prompt_set.prompts)
            if at not in done
        ]
        answers = {record.position: record.text for _, record in load_records(store, run.id) if record.ok}
        segment = store.runs.open_segment(run.id, target.engine_id)
        await wire.open_ahead(base_url, min(len(requests), OPEN_LOOP_AHEAD if schedule.due_s else schedule.width))
        before = await scrape(session, base_url)
        watch, meter = CpuWatch(target.engine_pid), meter_for(target.engine_pid)
        live = LiveFile(live_path, run.experiment_id, run.id, before, meter)

        def save(records: Sequence[RequestRecord]) -> None:
            save_records(store, run.id, segment, records, prepared)
            live.ended(records)

        began = monotonic()
        try:
            with live:
                async with sampling(session, base_url, before is not None, live) as samples:
                    with Recorder(save) as recorder:
                        replay = Replay(wire, base_url, schedule, recorder.put, target.engine_gone, answers)
                        stats = await replay.run(requests)
        finally:
            seconds.generation = monotonic() - began
            if meter is not None:
                meter.update()
        foreign = watch.foreign_share()
        after = await scrape(session, base_url)
    observed = _observed(delta(before, after), samples, stats, cooling) | {"foreign_cpu": foreign}
    observed["queues"] = bool(schedule.due_s) and schedule.width < len(schedule.due_s)
    observed |= _preparation(prepared)
    manifest = store.runs.get(run.id).manifest or {}
    observed["machine"] = await asyncio.to_thread(machine_facts, target.checkpoint, manifest, meter)
    observed |= {"engine_log": list(target.engine_log), "checkpoint": dict(target.checkpoint_facts)}
    sent = [request.position for request in requests]
    records = load_records(store, run.id)
    texts = {record.position: record.text for number, record in records if number == segment}
    everything = {record.position: record.text for _, record in records if record.ok}
    prompt_set = replace(prompt_set, prompts=as_sent(prompt_set.prompts, turns, everything))
    held_back = Recipe.from_json(run.recipe).recomputed_blocks()
    observed["prediction"] = await asyncio.to_thread(
        predict_run, target.checkpoint, prompt_set, sent, target.chat, cache_facts(before), texts, held_back
    )
    store.runs.close_segment(run.id, segment, observed)
    if target.checkpoint is not None:
        counted = count_tokens(target.checkpoint, prompt_set, [record for _, record in records], target.chat)
        store.runs.set_client_tokens(run.id, counted)
    save_summary(store, spec, run, saved)
    return seconds


def save_summary(store: Store, spec: ExperimentSpec, run: RunRow, prompt_set: PromptSet) -> None:
    observed = Observed.merge([segment.observed for segment in store.runs.segments(run.id)])
    recipe = Recipe.from_json(run.recipe)
    records = load_records(store, run.id)
    summary = summarise(records, observed, recipe, prompt_set.expected, spec.price_per_hour, prompt_set.score)
    store.runs.set_summary(run.id, summary)


def save_records(
    store: Store, run_id: int, segment: int, records: Sequence[RequestRecord], prepared: Prepared | None = None
) -> None:
    rows: list[dict[str, Any]] = [{name: getattr(record, name) for name in RECORD_FIELDS} for record in records]
    if prepared is not None:
        for row in rows:
            row["prepared_ns"] = round(prepared.seconds[row["position"]] * 1e9)
    store.runs.save_requests(run_id, segment, rows)


def load_records(store: Store, run_id: int, chunks: bool = True) -> list[CountedRecord]:
    """In prompt order. Without `chunks`, `token_ns` stays empty: reading the times of all chunks takes longer than all
    else, and who compares runs has no use for them."""
    at = RECORD_FIELDS.index("token_ns")
    names = RECORD_FIELDS if chunks else (*RECORD_FIELDS[:at], *RECORD_FIELDS[at + 1 :])
    found = []
    for segment, *values in store.runs.request_values(run_id, ("segment", *names)):
        if chunks:
            values[at] = tuple(values[at])
        else:
            values.insert(at, ())
        found.append((segment, RequestRecord(*values)))
    return found


async def _warm_up(
    wire: Wire,
    spec: ExperimentSpec,
    prompt_set: PromptSet,
    target: Target,
    schedule: Schedule,
    salt: str | None,
) -> None:
    """Sends a few requests that are not measured; raises InputError when the endpoint refuses the key."""
    requests = [
        wire_request(prompt, position, target.endpoint.model, spec.sampling, target.chat, salt)
        for position, prompt in enumerate(prompt_set.prompts[: spec.warm_up])
    ]
    finished: list[Exchange] = []
    at_once = Schedule("slots", min(schedule.width, len(requests) or 1))
    await Replay(wire, target.endpoint.base_url, at_once, finished.append, target.engine_gone).run(requests)
    refused = [exchange.status for exchange in finished if exchange.status in (401, 403)]
    if refused:
        raise InputError(f"the endpoint refuses the key (HTTP {refused[0]}); set {API_KEY_VARIABLE}")


async def _cool_down(session: aiohttp.ClientSession, base_url: str) -> Cooling:
    """Empties the prefix cache. A server with vLLM's metrics but no such door takes a salt in each request."""
    if await reset_prefix_cache(session, base_url):
        return "reset"
    return "salt" if await scrape(session, base_url) is not None else "unknown"


def _salt(cooling: Cooling) -> str | None:
    return secrets.token_hex(16) if cooling == "salt" else None


def _preparation(prepared: Prepared | None) -> dict[str, Any]:
    if prepared is None:
        return {}
    return {
        "prompts": {key: figures.to_json() for key, figures in prepared.figures.items()},
        "saved_prompt_tokens": prepared.saved_tokens,
    }


def _observed(grown: dict[str, float] | None, samples: Samples, stats: ReplayStats, cooling: Cooling) -> dict[str, Any]:
    lag = float(np.percentile(stats.loop_lag_ns, 99)) / 1e6 if stats.loop_lag_ns else None
    return samples.to_json() | {
        "delta": grown,
        "peak_in_flight": stats.peak_in_flight,
        "live_histories": stats.live_histories,
        "saved_histories": stats.saved_histories,
        "loop_lag_p99_ms": lag,
        "cold_start": cooling,
    }
