"""Carries an experiment out: groups its runs by launch plan, starts each engine once, measures, accounts time.

Runs in the worker process. Does not claim work (worker.py) or measure (measure.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import monotonic, time
from typing import Any

import aiohttp

from app.engine.checkpoint import Checkpoint
from app.engine.endpoint import Endpoint, api_key, attach, is_gone
from app.engine.hardware import Hardware, detect_hardware
from app.engine.hub import find_model
from app.engine.log_facts import read_telling_lines
from app.engine.named_models import Resolved, resolve_models
from app.engine.plan import EnginePlan, plan_engine
from app.engine.process import EngineError, EngineProcess
from app.experiment.live_file import live_path
from app.experiment.measure import Target, measure_run
from app.experiment.preparing import PromptWork
from app.experiment.spec import ExperimentSpec
from app.preparation.counting import EndpointCounter, FolderCounter
from app.preparation.job import PreparationError
from app.preparation.prompts import Prepared, attached_engine, launched_engine
from app.preparation.say import phases
from app.preparation.served import Served, prepare_served
from app.preparation.tools import Asked
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import load_prompt_set
from app.prompts.token_counts import load_tokenizer
from app.replay.load import plan_schedule
from app.replay.runner import EngineGoneError
from app.version import versions
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from optimizers.technique import Surroundings
from store.settings import Settings
from store.store import Store
from store.tables import ExperimentRow, RunRow

DEATH_NOTICE_S = 2.0
PlannedRun = tuple[RunRow, Resolved]


class RunFailedError(RuntimeError):
    """A run answered nothing, so there is nothing to compare; going on would only repeat it."""


@dataclass
class Seconds:
    """Where an experiment's time went; `other` is what is neither preparation, engine start nor generation."""

    preparation: float = 0.0
    engine_start: float = 0.0
    engine_stop: float = 0.0
    warm_up: float = 0.0
    generation: float = 0.0
    began: float = field(default_factory=monotonic)

    def to_json(self, before: dict[str, Any]) -> dict[str, float]:
        """Adds what an earlier, interrupted attempt took."""
        now = {
            "preparation": self.preparation,
            "engine_start": self.engine_start,
            "engine_stop": self.engine_stop,
            "warm_up": self.warm_up,
            "generation": self.generation,
            "total": monotonic() - self.began,
        }
        summed = {name: round(value + before.get(name, 0.0), 3) for name, value in now.items()}
        known = sum(summed[name] for name in ("preparation", "engine_start", "warm_up", "generation"))
        return summed | {"other": round(summed["total"] - known, 3)}


class Executor:
    """One experiment, once. `run` returns the status that the experiment ends with."""

    def __init__(self, store: Store, settings: Settings, experiment: ExperimentRow) -> None:
        self._store = store
        self._settings = settings
        self._experiment = experiment
        self._spec = ExperimentSpec.from_json(experiment.spec)
        self._hardware = detect_hardware()
        self._prompt_set: PromptSet
        self._prompts: PromptWork
        self._resolved: dict[Recipe, Resolved] = {}
        self._served: dict[Recipe, Served] = {}
        self.seconds = Seconds()

    async def run(self) -> tuple[str, str | None]:
        """(status, error). Raises only for faults of Rung itself, and CancelledError."""
        try:
            self._prompt_set = load_prompt_set(self._store, self._spec.prompt_set_id, self._spec.prompt_limit)
            self._prompts = PromptWork(
                self._prompt_set, self._spec.sampling, self._settings.prepared_prompts, self._phase
            )
            try:
                if self._spec.endpoint is not None:
                    await self._on_endpoint(self._spec.endpoint)
                else:
                    await self._on_own_engines()
            finally:
                self.seconds.preparation += self._prompts.seconds
        except (EngineError, InputError, PreparationError, RunFailedError) as error:
            self._end_open_runs("failed", str(error))
            return "failed", str(error)
        except EngineGoneError as error:
            self._end_open_runs("interrupted", str(error))
            return "interrupted", str(error)
        return "done", None

    async def _on_endpoint(self, url: str) -> None:
        timeout = aiohttp.ClientTimeout(total=30)
        headers = {"Authorization": f"Bearer {key}"} if (key := api_key()) else {}
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
            endpoint = await attach(session, url, self._spec.model)
            self._check_available(Surroundings(self._hardware.device, launches_engine=False))
            runs = [(run, self._resolve(run, None)) for run in self._open_runs()]

            async def gone() -> str | None:
                return await is_gone(session, endpoint.base_url)

            target = Target(endpoint, True, None, None, gone)
            counter = EndpointCounter(session, endpoint)
            for _, resolved in runs:
                await self._prompts.before_launch(resolved, counter, endpoint.max_length)
            for run, resolved in _interleaved(runs):
                prepared = await self._prompts.ready(
                    resolved,
                    counter,
                    Asked(session, endpoint, True),
                    attached_engine(endpoint.base_url),
                    endpoint.max_length,
                )
                await self._measure(run, target, resolved, None, prepared)

    async def _on_own_engines(self) -> None:
        assert self._spec.model is not None
        checkpoint = find_model(self._store, self._settings, self._spec.model)
        self._check_available(self._hardware.surroundings(checkpoint.config))
        groups: dict[str, tuple[EnginePlan, Served, list[PlannedRun]]] = {}
        for run in self._open_runs():
            resolved = self._resolve(run, checkpoint)
            served = await self._serve(resolved, checkpoint)
            plan = plan_engine(served.checkpoint, resolved.recipe, self._hardware, self._spec.engine)
            groups.setdefault(plan.key, (plan, served, []))[2].append((run, resolved))
            counter = FolderCounter(checkpoint.folder, checkpoint.fingerprint, plan.chat)
            await self._prompts.before_launch(resolved, counter, plan.max_model_len)
        with ThreadPoolExecutor(1, "tokenizer") as pool:
            pool.submit(load_tokenizer, checkpoint.folder)
            for number, (plan, served, runs) in enumerate(groups.values(), start=1):
                await self._with_engine(plan, served, runs, f"engine {number} of {len(groups)}")

    async def _serve(self, resolved: Resolved, source: Checkpoint) -> Served:
        """What the recipe serves; a checkpoint that it orders is made first, once for all runs that share it."""
        if resolved.recipe not in self._served:
            began = monotonic()
            say = phases(self._phase)
            self._served[resolved.recipe] = await prepare_served(
                self._store, self._settings, source, resolved, self._prompt_set.name, say
            )
            self.seconds.preparation += monotonic() - began
        return self._served[resolved.recipe]

    async def _with_engine(self, plan: EnginePlan, served: Served, runs: list[PlannedRun], which: str) -> None:
        checkpoint = served.checkpoint
        self._phase(f"Starting {which}")
        engine_id = self._store.engines.add({"model": checkpoint.name}, plan.to_json(), self._experiment.id)
        log_path = self._settings.logs / f"engine-{engine_id}.log"
        began = monotonic()
        error: str | None = None
        try:
            engine = EngineProcess(plan, log_path)
        except EngineError as failure:
            self._store.engines.stopped(engine_id, str(failure))
            raise
        try:
            self._store.engines.launched(
                engine_id, engine.pid, engine.pid_started_at, engine.base_url, str(log_path), plan.to_json()
            )
            self._store.experiments.add_engine_start(self._experiment.id)
            await engine.wait_ready()
            self._store.engines.ready(engine_id, engine.base_url)
            self.seconds.engine_start += monotonic() - began
            endpoint = Endpoint(engine.base_url, plan.served_name, plan.max_model_len)
            async with aiohttp.ClientSession() as session:
                gone = _engine_gone(session, engine)
                seen = read_telling_lines(log_path)
                target = Target(endpoint, plan.chat, engine_id, checkpoint.folder, gone, engine.pid, seen, served.facts)
                counter = FolderCounter(checkpoint.folder, checkpoint.fingerprint, plan.chat)
                asked = Asked(session, endpoint, plan.chat)
                for run, resolved in _interleaved(runs):
                    prepared = await self._prompts.ready(
                        resolved, counter, asked, launched_engine(plan.key), plan.max_model_len
                    )
                    await self._measure(run, target, resolved, (plan, served), prepared)
        except (EngineError, EngineGoneError) as failure:
            error = str(failure)
            raise
        finally:
            began = monotonic()
            self._phase(f"Stopping {which}")
            await asyncio.shield(asyncio.to_thread(engine.stop))
            self.seconds.engine_stop += monotonic() - began
            self._store.engines.stopped(engine_id, error)

    async def _measure(
        self,
        run: RunRow,
        target: Target,
        resolved: Resolved,
        launched: tuple[EnginePlan, Served] | None,
        prepared: Prepared | None,
    ) -> None:
        load = self._spec.load_of(run.rung).of_repeat(run.repeat)
        schedule = plan_schedule(load, resolved.recipe.schedule(), self._prompt_set.prompts)
        self._phase(f"{run.label}, repeat {run.repeat + 1} of {self._spec.repeats}")
        manifest = manifest_of(self._spec, self._prompt_set, self._hardware, target, launched)
        self._store.runs.start(
            run.id,
            manifest
            | {"load": load.to_json()}
            | {"schedule": schedule.title, "recipe": run.recipe, "models": resolved.to_json()},
        )
        spent = await measure_run(
            self._store, self._spec, run, self._prompt_set, target, schedule, prepared, live_path(self._settings)
        )
        self.seconds.warm_up += spent.warm_up
        self.seconds.generation += spent.generation
        summary = self._store.runs.get(run.id).summary or {}
        if summary.get("errors") == summary.get("requests"):
            reason = next(iter(summary.get("error_examples", ())), "no request was sent")
            raise RunFailedError(f"{run.label}: not one of {summary.get('requests')} requests was answered ({reason})")
        self._store.runs.finish(run.id, "done")

    def _resolve(self, run: RunRow, served: Checkpoint | None) -> Resolved:
        """Repeats of a rung share their recipe, so its models are looked at once."""
        recipe = Recipe.from_json(run.recipe)
        if recipe not in self._resolved:
            find = partial(find_model, self._store, self._settings)
            self._resolved[recipe] = resolve_models(recipe, find, served)
        return self._resolved[recipe]

    def _open_runs(self) -> list[RunRow]:
        return [run for run in self._store.runs.of_experiment(self._experiment.id) if run.status != "done"]

    def _end_open_runs(self, status: str, error: str) -> None:
        for run in self._open_runs():
            if run.status == "running" or status == "failed":
                self._store.runs.finish(run.id, status, error)

    def _check_available(self, surroundings: Surroundings) -> None:
        for use in {use for rung in self._spec.rungs for use in rung.recipe.uses}:
            reason = techniques().get(use.key).unusable(use.settings, surroundings)
            if reason:
                raise InputError(f"{use.key} cannot be used here: {reason}; leave it out")

    def _phase(self, text: str) -> None:
        self._store.experiments.set_phase(self._experiment.id, text)


def manifest_of(
    spec: ExperimentSpec,
    prompt_set: PromptSet,
    hardware: Hardware,
    target: Target,
    launched: tuple[EnginePlan, Served] | None,
) -> dict[str, Any]:
    """Everything a run depends on, so that it can be repeated and differences can be named."""
    plan, served = launched or (None, None)
    checkpoint = served.source if served else None
    return {
        "versions": versions(),
        "hardware": hardware.to_json() | {"title": hardware.title},
        "model": {
            "name": target.endpoint.model,
            "fingerprint": checkpoint.fingerprint if checkpoint else None,
            "architecture": checkpoint.architecture if checkpoint else None,
            "weight_bytes": checkpoint.weight_bytes if checkpoint else None,
            "served": served.to_json() if served else None,
        },
        "engine": plan.to_json() if plan else {"attached_to": target.endpoint.base_url},
        "engine_id": target.engine_id,
        "prompt_set": {
            "name": prompt_set.name,
            "content_hash": prompt_set.content_hash,
            "prompts": len(prompt_set.prompts),
            "score": prompt_set.score,
        },
        "load": spec.load.to_json(),
        "sampling": {"temperature": spec.sampling.temperature, "seed": spec.sampling.seed}
        | {"max_tokens": spec.sampling.max_tokens},
        "warm_up": spec.warm_up,
        "idle_timeout_s": spec.idle_timeout_s,
        "options": spec.engine.to_json(),
        "chat_template": target.chat,
        "price_per_hour": spec.price_per_hour,
        "started_at": time(),
    }


def _engine_gone(session: aiohttp.ClientSession, engine: EngineProcess) -> Callable[[], Awaitable[str | None]]:
    async def gone() -> str | None:
        # A lost connection is noticed a moment before the process is seen to have ended.
        deadline = monotonic() + DEATH_NOTICE_S
        while True:
            reason = engine.exit_reason() or await is_gone(session, engine.base_url)
            if reason is None or engine.returncode is not None or monotonic() > deadline:
                return engine.exit_reason() or reason
            await asyncio.sleep(0.1)

    return gone


def _interleaved(runs: list[PlannedRun]) -> list[PlannedRun]:
    """Repeat by repeat over the rungs, so that a drift of the machine falls on all of them alike."""
    return sorted(runs, key=lambda planned: (planned[0].repeat, planned[0].rung))
