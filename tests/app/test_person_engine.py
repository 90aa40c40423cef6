"""The engine that a person starts from the Models page: asked for, ready, stopped, and why it is not there."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import person_engine
from app.engine.process import group_members
from app.person_engine import PersonEngine
from app.worker import working
from store.settings import Settings
from store.store import Store
from store.tables import EngineRow
from tests.app.experimenting import queue
from tests.app.serving import until

Behave = Callable[..., None]
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def person(store: Store, settings: Settings) -> Iterator[PersonEngine]:
    engine = PersonEngine(store, settings)
    yield engine
    engine.stop()


async def attended(person: PersonEngine, store: Store, engine: int, *statuses: str) -> EngineRow:
    """Looks after the engine, as the worker does, until it has one of these statuses."""
    async with asyncio.timeout(60):
        while True:
            await person.attend()
            row = store.engines.get(engine)
            assert row is not None
            if row.status in statuses:
                return row
            await asyncio.sleep(0.02)


async def test_a_model_that_its_recipe_names_is_found(
    person: PersonEngine, store: Store, model: Path, starter: Path, fake_vllm: Behave
) -> None:
    drafted = {
        "technique": "speculative_decoding",
        "settings": {"method": "draft_model", "draft_model": "starter-draft"},
    }
    engine = store.engines.request({"model": str(model), "recipe": [drafted]})
    ready = await attended(person, store, engine, "ready")
    assert f'"model": "{starter.parent / "draft"}"' in " ".join((ready.plan or {})["argv"])


async def test_it_is_started_becomes_ready_and_is_stopped(
    person: PersonEngine, store: Store, model: Path, fake_vllm: Behave
) -> None:
    fake_vllm(fault="slow_start", start_s=0.2)
    engine = store.engines.request({"model": str(model), "recipe": ["prefix_caching"]})
    starting = await attended(person, store, engine, "starting", "ready")
    assert starting.status == "starting"
    assert starting.plan is not None
    assert "--enable-prefix-caching" in starting.plan["argv"]
    ready = await attended(person, store, engine, "ready")
    assert ready.base_url is not None
    assert ready.pid is not None
    store.engines.request_stop(engine)
    stopped = await attended(person, store, engine, "stopped", "failed")
    assert (stopped.status, stopped.error) == ("stopped", None)
    assert group_members(ready.pid) == []


async def test_a_second_wish_replaces_the_first(
    person: PersonEngine, store: Store, model: Path, fake_vllm: Behave
) -> None:
    first = store.engines.request({"model": str(model)})
    running = await attended(person, store, first, "ready")
    second = store.engines.request({"model": str(model)})
    await attended(person, store, second, "ready")
    row = store.engines.get(first)
    assert row is not None
    assert row.status == "stopped"
    assert running.pid is not None
    assert group_members(running.pid) == []


async def test_one_that_does_not_start_says_why(
    person: PersonEngine, store: Store, model: Path, fake_vllm: Behave
) -> None:
    fake_vllm(fault="early_exit", exit_log="core")
    row = await attended(person, store, store.engines.request({"model": str(model)}), "failed")
    assert str(row.error).startswith("the engine ended: To serve at least one request")


async def test_one_that_dies_later_says_why(person: PersonEngine, store: Store, model: Path, fake_vllm: Behave) -> None:
    engine = store.engines.request({"model": str(model)})
    ready = await attended(person, store, engine, "ready")
    assert ready.pid is not None
    os.kill(ready.pid, signal.SIGKILL)
    row = await attended(person, store, engine, "failed")
    assert "killed (signal 9)" in str(row.error)


async def test_one_that_never_becomes_ready_is_given_up(
    person: PersonEngine, store: Store, model: Path, fake_vllm: Behave, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_vllm(fault="hang_start")
    monkeypatch.setattr(person_engine, "READY_DEADLINE_S", 0.3)
    engine = store.engines.request({"model": str(model)})
    row = await attended(person, store, engine, "failed")
    assert "was not ready within" in str(row.error)
    assert row.pid is not None
    assert group_members(row.pid) == []


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"model": "/no/such/folder"}, "no such folder"),
        ({"model": "MODEL", "recipe": ["nothing"]}, "no technique 'nothing'"),
        ({"model": "MODEL", "options": {"max_model_len": 10**6}}, "was made for 2048 tokens"),
    ],
)
async def test_a_wish_that_cannot_be_met_fails_in_words(
    person: PersonEngine, store: Store, model: Path, fake_vllm: Behave, spec: dict[str, object], says: str
) -> None:
    wish = {**spec, "model": str(model)} if spec["model"] == "MODEL" else spec
    row = await attended(person, store, store.engines.request(wish), "failed")
    assert says in str(row.error)


async def test_it_gives_way_to_an_experiment(store: Store, settings: Settings, model: Path, fake_vllm: Behave) -> None:
    with working(store, settings) as worker:
        engine = store.engines.request({"model": str(model)})
        await attended(worker._person, store, engine, "ready")
        experiment = queue(store, model)
        assert await worker.run_next()
        row = store.engines.get(engine)
        assert row is not None
        assert (row.status, row.error) == ("stopped", "an experiment needs the machine for itself")
        assert store.experiments.get(experiment).status == "done"


async def test_the_workers_loop_serves_both_and_stops_its_engine_when_it_ends(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave
) -> None:
    with working(store, settings) as worker:
        serving = asyncio.create_task(worker.serve())
        experiment = queue(store, model)
        await until(lambda: store.experiments.get(experiment).status == "done", "the experiment is done")
        store.engines.request({"model": str(model)})
        await until(lambda: any(row.status == "ready" for row in store.engines.alive()), "the engine is ready")
        (row,) = store.engines.alive()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
    assert row.pid is not None
    assert group_members(row.pid) == []
    assert store.engines.alive() == []
