"""The engine that a person started from the Models page: one at a time, outside any experiment.

It gives way to experiments, which need the machine for themselves. Lives in the worker process.
"""

from __future__ import annotations

import asyncio
from functools import partial
from time import monotonic

from app.engine.hardware import detect_hardware
from app.engine.hub import find_model
from app.engine.named_models import resolve_models
from app.engine.plan import EngineOptions, plan_engine, refuse_weights
from app.engine.process import READY_DEADLINE_S, EngineError, EngineProcess
from app.engine.ready import is_ready
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.settings import Settings
from store.store import Store
from store.tables import EngineRow


class PersonEngine:
    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._engine: EngineProcess | None = None
        self._id = 0
        self._deadline = 0.0

    async def attend(self) -> None:
        """One look: starts what was asked for, notes what became ready or died, stops what was told to stop.

        Never waits for an engine to become ready, so that an experiment queued meanwhile is not held up.
        """
        requested = self._store.engines.next_requested()
        if requested is not None:
            self.stop()
            await asyncio.to_thread(self._start, requested)
            return
        if self._engine is None:
            return
        row = self._store.engines.get(self._id)
        reason = self._engine.exit_reason()
        if row is None or row.stop_requested:
            await asyncio.to_thread(self.stop)
        elif reason is not None:
            self.stop(f"the engine ended: {reason}")
        elif row.status == "starting":
            if await is_ready(self._engine.base_url):
                self._store.engines.ready(self._id, self._engine.base_url)
            elif monotonic() > self._deadline:
                self.stop(f"the engine was not ready within {READY_DEADLINE_S:.0f} s")

    def give_way(self, why: str) -> None:
        """Stops the engine, if there is one, through no fault of its own."""
        self.stop(why, in_good_order=True)

    def stop(self, error: str | None = None, in_good_order: bool = False) -> None:
        if self._engine is not None:
            self._engine.stop()
            self._store.engines.stopped(self._id, error, in_good_order)
            self._engine = None

    def _start(self, row: EngineRow) -> None:
        self._id = row.id
        try:
            find = partial(find_model, self._store, self._settings)
            checkpoint = find(row.spec["model"])
            hardware = detect_hardware()
            resolved = resolve_models(Recipe.from_json(row.spec.get("recipe", [])), find, checkpoint)
            refuse_weights(resolved.loaded_by_engine, hardware)
            options = EngineOptions.from_json(row.spec.get("options", {}))
            plan = plan_engine(checkpoint, resolved.recipe, hardware, options)
            log_path = self._settings.logs / f"engine-{row.id}.log"
            self._engine = EngineProcess(plan, log_path)
        except (InputError, EngineError) as error:
            self._store.engines.stopped(row.id, str(error))
            return
        self._deadline = monotonic() + READY_DEADLINE_S
        self._store.engines.launched(
            row.id, self._engine.pid, self._engine.pid_started_at, self._engine.base_url, str(log_path), plan.to_json()
        )
