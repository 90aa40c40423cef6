"""A worker from the queue to the results, with the fake engine: what is measured, in which order, and how it starts.

Crashes, refusals and cancelling are in test_worker_faults.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.engine.process import group_members
from app.experiment.kept_ladder import key_of, read
from app.experiment.results import load_ladder
from app.replay.load import LoadProfile
from app.worker import WorkerBusyError, heartbeat_age_s, lock_path, working
from store.settings import Settings
from store.store import Store
from tests.app.experimenting import bodies, engines, finished, positions, queue, shorten_waits, work
from tests.app.serving import Answer, fake_vllm_server, server
from tests.building import chat_prompts, checkpoint_folder, use_fake_engine

Behave = Callable[..., None]
pytestmark = pytest.mark.usefixtures("quick")
TWO = ["prefix_caching", "continuous_batching"]


@dataclass(frozen=True)
class Measured:
    store: Store
    settings: Settings
    experiment: int


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """Baseline, baseline again, and two techniques, twice, over four prompts that share a beginning."""
    home = tmp_path_factory.mktemp("ladder")
    settings = Settings(home, f"sqlite:///{home / 'rung.db'}")
    store = Store.open(settings.database_url)
    model = checkpoint_folder(home / "tiny-model")
    number = queue(store, model, TWO, repeats=2, prompts=chat_prompts(4, expected="nothing of the kind"))
    with pytest.MonkeyPatch.context() as patch:
        shorten_waits(patch)
        use_fake_engine(patch, log=home / "requests")
        asyncio.run(work(store, settings))
    yield Measured(store, settings, number)
    store.close()


class TestLadder:
    def test_it_is_worked_out_before_anybody_looks(self, measured: Measured) -> None:
        store, experiment = measured.store, measured.experiment
        key = key_of(store.experiments.get(experiment), store.runs.of_experiment(experiment))
        kept = store.analyses.find(experiment, key)
        assert kept is not None
        assert read(kept) == load_ladder(store, experiment)

    def test_it_is_measured_from_end_to_end(self, measured: Measured) -> None:
        store, settings, experiment = measured.store, measured.settings, measured.experiment
        row = store.experiments.get(experiment)
        runs = store.runs.of_experiment(experiment)
        assert (row.status, row.error, row.phase) == ("done", None, "")
        assert {run.status for run in runs} == {"done"}
        manifests = [run.manifest or {} for run in runs]

        # As few engines as there are launch plans, and none left.
        keys = [manifest["engine"]["key"] for manifest in manifests]
        assert row.engine_starts == len(set(keys)) == len(engines(store)) == 2
        for engine in engines(store):
            assert (engine.status, engine.error) == ("stopped", None)
            assert engine.pid is not None
            assert group_members(engine.pid) == []
            assert (settings.logs / f"engine-{engine.id}.log").read_text().startswith("$ ")

        # Repeat by repeat over the rungs of one engine.
        by_start = sorted(runs, key=lambda run: run.started_at or 0)
        order = [(run.rung, run.repeat) for run in by_start]
        assert order == [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (3, 0), (2, 1), (3, 1)]
        titles = {run.rung: manifest["schedule"] for run, manifest in zip(runs, manifests, strict=True)}
        assert titles == {0: "one by one", 1: "one by one", 2: "one by one", 3: "4 in flight"}

        # Each prompt once a run, warm-up sent and not counted.
        sent = positions(settings.home / "requests")
        assert len(sent) == len(runs) * (1 + 4)
        assert sent[:10] == [0, 0, 1, 2, 3] * 2
        for run in runs:
            requests = store.runs.requests(run.id)
            assert [request.position for request in requests] == [0, 1, 2, 3]
            assert all(request.error is None and request.completion_tokens == 16 for request in requests)
            summary = run.summary or {}
            assert (summary["requests"], summary["errors"], summary["metrics"]["quality"]) == (4, 0, 0.0)

        # Time is accounted for, and what was not engine start or generation is shown.
        spent = row.seconds
        assert spent["engine_start"] > 0
        assert spent["generation"] > 0
        known = spent["preparation"] + spent["engine_start"] + spent["warm_up"] + spent["generation"] + spent["other"]
        assert known == pytest.approx(spent["total"], abs=0.01)

        assert store.experiments.progress(experiment).done == store.experiments.progress(experiment).planned == 32
        assert not store.workers.alive()

    def test_evidence_comes_from_the_engines_metrics_and_every_run_starts_cold(self, measured: Measured) -> None:
        store = measured.store
        for run in store.runs.of_experiment(measured.experiment):
            cached = [request.cached_tokens for request in store.runs.requests(run.id)]
            if run.rung < 2:
                assert cached == [0, 0, 0, 0]
            elif run.rung == 2:
                # The warm-up sent the first prompt as well; had its blocks stayed, this would not be 0.
                assert cached == [0, 32, 32, 32]
            evidence = {item["technique"]: item for item in (run.summary or {})["evidence"]}
            assert set(evidence) == set(TWO[: max(0, run.rung - 1)])
            if run.rung == 2:
                figures = evidence["prefix_caching"]["figures"]
                assert evidence["prefix_caching"]["took_effect"] is True
                assert (figures["queries"], figures["hits"]) == (4 * 47, 96)
            if run.rung == 3:
                figures = evidence["continuous_batching"]["figures"]
                assert figures["peak_in_flight"] == 4
                assert figures["mean_running"] > 0
            segments = store.runs.segments(run.id)
            assert [(segment.observed or {})["cold_start"] for segment in segments] == ["reset"]

    def test_it_becomes_a_ladder(self, measured: Measured) -> None:
        rungs = load_ladder(measured.store, measured.experiment).rungs
        assert [rung.status for rung in rungs] == ["done"] * 4
        assert [rung.is_again for rung in rungs] == [False, True, False, False]
        assert [rung.adds for rung in rungs] == [None, None, *TWO]
        assert [rung.same_output for rung in rungs] == [None, 100.0, 100.0, 100.0]
        assert all(rung.cost is not None for rung in rungs)
        assert rungs[2].metrics["cached_tokens"] == 96


async def test_a_limit_a_static_batch_and_a_technique_with_a_flag_of_its_own(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave, tmp_path: Path
) -> None:
    fake_vllm(log=tmp_path / "requests")
    load = LoadProfile("closed_loop", 2, "static")
    experiment = queue(store, model, ["speculative_decoding"], load=load, prompt_limit=3, warm_up=0)
    row = await finished(store, settings, experiment)
    assert (row.status, row.engine_starts) == ("done", 2)
    assert positions(tmp_path / "requests") == [0, 1, 2] * 3
    last = store.runs.of_experiment(experiment)[-1]
    assert (last.manifest or {})["schedule"] == "static batches of 2"
    (evidence,) = (last.summary or {})["evidence"]
    assert evidence["took_effect"] is True
    assert evidence["figures"]["acceptance_length"] == pytest.approx(3.0)


async def test_a_model_without_a_chat_template_is_sent_plain_text(
    store: Store, settings: Settings, tmp_path: Path, fake_vllm: Behave
) -> None:
    fake_vllm(log=tmp_path / "requests")
    bare = checkpoint_folder(tmp_path / "bare", chat_template=False)
    experiment = queue(store, bare)
    assert (await finished(store, settings, experiment)).status == "done"
    assert all("prompt" in body and "messages" not in body for body in bodies(tmp_path / "requests"))


async def test_experiments_are_taken_in_order_or_by_number(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave
) -> None:
    first, second = queue(store, model), queue(store, model)
    with working(store, settings) as worker:
        assert await worker.run_next(second)
        assert [store.experiments.get(each).status for each in (first, second)] == ["queued", "done"]
        assert not await worker.run_next(second)
        assert await worker.run_next()
        assert not await worker.run_next()
    assert store.experiments.get(first).status == "done"


class TestAttached:
    """At somebody else's endpoint: nothing is launched, and the cache is made cold by what is at hand."""

    async def run(self, store: Store, settings: Settings, url: str, **options: Any) -> tuple[str, int]:
        experiment = queue(store, None, endpoint=f"{url}/v1", **options)
        row = await finished(store, settings, experiment)
        return row.status, store.runs.of_experiment(experiment)[0].id

    async def test_a_server_with_a_reset_door(self, store: Store, settings: Settings) -> None:
        async with fake_vllm_server() as (url, _):
            status, run = await self.run(store, settings, url)
        assert status == "done"
        assert engines(store) == []
        row = store.runs.get(run)
        assert (row.manifest or {})["engine"] == {"attached_to": url}
        assert [request.cached_tokens for request in store.runs.requests(run)] == [0, 32, 32, 32]
        assert (row.summary or {})["suspect"] == []

    async def test_a_vllm_without_the_door_is_sent_a_salt(
        self, store: Store, settings: Settings, tmp_path: Path
    ) -> None:
        async with fake_vllm_server(dev_mode=False, log=tmp_path / "requests") as (url, _):
            status, run = await self.run(store, settings, url)
        assert status == "done"
        warm_up, *measured = (body["cache_salt"] for body in bodies(tmp_path / "requests"))
        assert len(set(measured)) == 1
        assert warm_up not in measured
        assert [request.cached_tokens for request in store.runs.requests(run)] == [0, 32, 32, 32]
        assert (store.runs.get(run).summary or {})["suspect"] == []

    async def test_a_server_of_another_make_is_suspect(self, store: Store, settings: Settings) -> None:
        answer = '{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}'
        paths: Mapping[str, Answer] = {"/v1/models": (200, {"data": [{"id": "other"}]}), "/v1/chat/completions": answer}
        async with server(paths) as url:
            status, run = await self.run(store, settings, url)
        assert status == "done"
        summary = store.runs.get(run).summary or {}
        assert summary["suspect"] == ["the prefix cache could not be emptied before it"]
        assert summary["metrics"]["cached_tokens"] is None

    async def test_a_key_goes_along_and_is_not_kept(
        self, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RUNG_API_KEY", "open-sesame")
        seen: list[str | None] = []
        async with fake_vllm_server() as (_, engine):
            complete = engine.complete

            async def listen(request: web.Request) -> web.StreamResponse:
                seen.append(request.headers.get("Authorization"))
                return await complete(request)

            async with server(
                {"/v1/models": (200, {"data": [{"id": "fake"}]}), "/v1/chat/completions": listen}
            ) as proxy:
                status, run = await self.run(store, settings, proxy)
        assert status == "done"
        assert set(seen) == {"Bearer open-sesame"}
        assert "sesame" not in str(store.runs.get(run).manifest) + str(store.experiments.recent()[0].spec)


class TestLock:
    def test_a_second_worker_is_refused_and_the_next_is_not(self, store: Store, settings: Settings) -> None:
        with working(store, settings):
            assert store.workers.alive()
            assert (heartbeat_age_s(store) or 0.0) < 60
            with pytest.raises(WorkerBusyError, match="another worker has this store"), working(store, settings):
                pass
            assert store.workers.alive()
        assert not store.workers.alive()
        with working(store, settings):
            pass

    def test_it_lies_beside_the_database(self, settings: Settings, tmp_path: Path) -> None:
        assert lock_path(settings) == settings.home / "rung.db.worker.lock"
        assert lock_path(Settings(settings.home, "sqlite:////elsewhere/x.db")) == Path("/elsewhere/x.db.worker.lock")

    def test_other_databases_have_it_in_the_state_folder(self, settings: Settings) -> None:
        one = lock_path(Settings(settings.home, "postgresql://host/db"))
        other = lock_path(Settings(settings.home, "postgresql://host/other"))
        assert one.parent == settings.home
        assert one != other
        assert "host" not in one.name
        read_only = lock_path(Settings(settings.home, "sqlite:///file:/x/y.db?mode=ro&uri=true"))
        assert read_only.parent == settings.home
