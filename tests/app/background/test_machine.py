"""Experiments and jobs that take the whole machine never run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from app.background import machine
from app.background.machine import take_machine, whole_machine
from app.worker import working
from store.settings import Settings
from store.store import Store
from tests.app.experimenting import queue, shorten_waits
from tests.app.serving import until


async def test_the_second_waits_for_the_first(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "POLL_S", 0.01)
    told: list[str] = []
    order: list[str] = []

    async def second() -> None:
        async with whole_machine(settings, lambda: told.append("waits")):
            order.append("second")

    async with whole_machine(settings, lambda: told.append("never")):
        waiting = asyncio.create_task(second())
        await until(lambda: bool(told), "the second waits")
        order.append("first")
    await waiting
    assert (told, order) == (["waits"], ["first", "second"])
    lock = take_machine(settings)
    assert lock is not None
    lock.release()


async def test_an_experiment_stays_queued_while_a_job_has_the_machine(
    store: Store, settings: Settings, model: Path, fake_vllm: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_waits(monkeypatch)
    experiment = queue(store, model)
    lock = take_machine(settings)
    assert lock is not None
    with working(store, settings) as worker:
        assert not await worker.run_next()
        assert store.experiments.get(experiment).status == "queued"
        lock.release()
        assert await worker.run_next()
    assert store.experiments.get(experiment).status == "done"


async def test_a_command_waits_for_its_turn(
    store: Store, settings: Settings, model: Path, fake_vllm: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_waits(monkeypatch)
    monkeypatch.setattr(machine, "POLL_S", 0.01)
    experiment = queue(store, model)
    lock = take_machine(settings)
    assert lock is not None
    with working(store, settings) as worker:
        running = asyncio.create_task(worker.run_next(experiment))
        await asyncio.sleep(0.1)
        assert store.experiments.get(experiment).status == "queued"
        lock.release()
        assert await running
