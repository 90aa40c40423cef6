"""What those who watch find while a worker measures, and that nothing of it, nor of the engine, stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from app.engine.process import group_members
from app.experiment.live_file import LiveRun, live_path, read_live_run
from app.worker import working
from store.settings import Settings
from store.store import Store
from tests.app.experimenting import bodies, engines, queue, work
from tests.app.processes import alive
from tests.app.serving import fake_vllm_server, until
from tests.building import chat_prompts

Behave = Callable[..., None]
pytestmark = pytest.mark.usefixtures("quick")
PROMPTS = chat_prompts(4)


def live_run(settings: Settings) -> LiveRun | None:
    return read_live_run(live_path(settings))


async def test_a_run_is_watched_and_cancelled_at_once_without_a_trace(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave, tmp_path: Path
) -> None:
    log, child = tmp_path / "requests", tmp_path / "child"
    # The warm-up and one request are answered; the next one hangs after its second token.
    fake_vllm(log=log, fault="stall", fault_every=3, child=True, child_pidfile=child)
    experiment = queue(store, model, ["prefix_caching"])
    task = asyncio.create_task(work(store, settings))

    def one_answered() -> bool:
        found = live_run(settings)
        return found is not None and found.readings[-1].answered == 1 and found.readings[-1].running == 1

    await until(one_answered, "the file tells of an answered request and of one that runs")
    found = live_run(settings)
    assert found is not None
    first = store.runs.of_experiment(experiment)[0]
    assert (found.experiment_id, found.run_id) == (experiment, first.id)
    newest = found.readings[-1]
    # 16 tokens of the answered request and 2 of the other, by the engine's own count; the warm-up's are not among them.
    assert newest.output_tokens == 18
    assert (newest.waiting, newest.preemptions, newest.failed) == (0, 0, 0)
    assert [reading.at_s for reading in found.readings] == sorted(reading.at_s for reading in found.readings)

    (engine,) = engines(store)
    assert engine.pid is not None
    assert alive(int(child.read_text()))
    store.experiments.request_cancel(experiment)
    await asyncio.wait_for(task, 30)
    assert store.experiments.get(experiment).status == "cancelled"
    assert group_members(engine.pid) == []
    assert not alive(int(child.read_text()))
    assert list(live_path(settings).parent.iterdir()) == []
    assert len(bodies(log)) == 3


async def test_an_endpoint_is_watched_too(store: Store, settings: Settings) -> None:
    async with fake_vllm_server(ttft_ms=60, slots=1) as (url, _):
        queue(store, None, endpoint=url, prompts=PROMPTS)
        task = asyncio.create_task(work(store, settings))
        await until(lambda: live_run(settings) is not None, "the file is there")
        await task
    assert live_run(settings) is None


async def test_what_a_killed_worker_left_is_gone_when_the_next_one_comes(store: Store, settings: Settings) -> None:
    path = live_path(settings)
    path.parent.mkdir()
    path.write_text("{}")
    with working(store, settings):
        assert not path.exists()
