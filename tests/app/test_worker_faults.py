"""Everything that can go wrong while an experiment runs: nothing is lost, sent twice, or left running."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from app.engine.orphans import is_ours
from app.engine.process import group_members, stop_group
from app.experiment.queue import enqueue
from app.experiment.results import load_ladder
from app.experiment.spec import ExperimentSpec, Rung
from app.prompts.saved import save_prompt_set
from app.worker import working
from optimizers.recipe import Recipe
from store.runs import Runs
from store.settings import Settings
from store.store import Store
from store.tables import EngineRow
from tests.app.experimenting import bodies, engines, finished, positions, queue, work
from tests.app.processes import alive
from tests.app.serving import until
from tests.building import chat_prompts
from tests.fakes.launch import ROOT

Behave = Callable[..., None]
pytestmark = pytest.mark.usefixtures("quick")
# Loading a tokenizer's libraries takes longer than everything else here together.
WORKER = """
import sys
from app.experiment import execute
from app.__main__ import main
execute.load_tokenizer = lambda folder: None
sys.exit(main(["worker"]))
"""


@pytest.fixture(autouse=True)
def no_leftovers(store: Store) -> Iterator[None]:
    """Ends what a failing test would leave running for good."""
    yield
    for row in engines(store):
        if row.pid is not None and row.pid_started_at is not None and is_ours(row.pid, row.pid_started_at):
            stop_group(row.pid, 0.5)


def only_engine(store: Store) -> EngineRow:
    (row,) = engines(store)
    return row


def killed_worker(store: Store, experiment: int, saved: int) -> None:
    """A worker of its own process, killed as soon as that many requests are saved."""
    with subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            asyncio.run(until(lambda: store.experiments.progress(experiment).done >= saved, "requests are saved"))
        finally:
            process.send_signal(signal.SIGKILL)


def test_a_worker_killed_midway_is_cleaned_up_after_and_resumed(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave, tmp_path: Path
) -> None:
    log = tmp_path / "requests"
    fake_vllm(log=log, itl_ms=15, child=True, child_pidfile=tmp_path / "child")
    experiment = queue(store, model, ["prefix_caching"], prompts=chat_prompts(6))
    killed_worker(store, experiment, saved=2)
    orphan = only_engine(store)
    assert orphan.pid is not None
    assert alive(orphan.pid)
    assert store.experiments.get(experiment).status == "running"
    first = store.runs.of_experiment(experiment)[0]
    saved = store.runs.finished_positions(first.id)

    with working(store, settings):
        row = store.experiments.get(experiment)
        assert (row.status, row.error) == ("interrupted", "its worker ended in the middle of it")
        assert store.runs.get(first.id).status == "interrupted"
        assert group_members(orphan.pid) == []
        assert not alive(int((tmp_path / "child").read_text()))
        assert only_engine(store).status == "failed"

    sent = len(bodies(log))
    fake_vllm(log=log)
    store.experiments.resume(experiment)
    row = asyncio.run(finished(store, settings, experiment))
    assert (row.status, row.error) == ("done", None)
    # Warm-up, then what was missing of the first run, and nothing that had been saved.
    missing = [position for position in range(6) if position not in saved]
    assert positions(log)[sent:][: 1 + len(missing)] == [0, *missing]
    assert len(positions(log)[sent:]) == 1 + len(missing) + 2 * (1 + 6)
    assert store.runs.finished_positions(first.id) == set(range(6))
    assert [segment.number for segment in store.runs.segments(first.id)] == [0, 1]
    summary = store.runs.get(first.id).summary or {}
    assert (summary["requests"], summary["errors"]) == (6, 0)
    assert any("interrupted and resumed (2 parts" in reason for reason in summary["suspect"])
    # The clocks of the two parts are not mixed up: six requests took no longer than the whole experiment.
    assert 0 < summary["seconds"] < row.seconds["total"] + 60
    assert load_ladder(store, experiment).rungs[0].status == "done"


async def test_an_engine_that_dies_midway_interrupts_and_is_resumed_with_what_is_missing(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave, tmp_path: Path
) -> None:
    log = tmp_path / "requests"
    fake_vllm(log=log, fault="die_midway", die_after=3)
    experiment = queue(store, model)
    row = await finished(store, settings, experiment)
    assert row.status == "interrupted"
    assert row.error == "the engine was killed (signal 9), often because memory ran out"
    (run,) = store.runs.of_experiment(experiment)
    assert (run.status, run.error) == ("interrupted", row.error)
    # Three answers: the warm-up's and two measured ones. The one it died in was never recorded.
    assert store.runs.finished_positions(run.id) == {0, 1}
    assert (only_engine(store).status, only_engine(store).error) == ("failed", row.error)
    assert not store.experiments.unfinished()

    fake_vllm(log=log)
    store.experiments.resume(experiment)
    row = await finished(store, settings, experiment)
    assert (row.status, row.error, row.engine_starts) == ("done", None, 2)
    assert positions(log) == [0, 0, 1, 2, 0, 2, 3]
    assert row.seconds["total"] > 0


async def test_cancelling_leaves_no_process(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave, tmp_path: Path
) -> None:
    fake_vllm(log=tmp_path / "requests", fault="stall", fault_every=3)
    experiment = queue(store, model, ["prefix_caching"])
    task = asyncio.create_task(work(store, settings))
    await until(lambda: len(bodies(tmp_path / "requests")) >= 3, "a request stalls")
    store.experiments.request_cancel(experiment)
    await task
    row = store.experiments.get(experiment)
    assert (row.status, row.error, row.cancel_requested) == ("cancelled", None, False)
    assert [run.status for run in store.runs.of_experiment(experiment)] == ["cancelled", "queued", "queued"]
    engine = only_engine(store)
    assert engine.status == "stopped"
    assert engine.pid is not None
    assert group_members(engine.pid) == []

    fake_vllm()
    store.experiments.resume(experiment)
    assert (await finished(store, settings, experiment)).status == "done"


async def test_a_worker_that_is_stopped_stops_its_engine_and_can_be_followed(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave, tmp_path: Path
) -> None:
    fake_vllm(log=tmp_path / "requests", fault="stall", fault_every=2)
    experiment = queue(store, model)
    task = asyncio.create_task(work(store, settings))
    await until(lambda: len(bodies(tmp_path / "requests")) >= 2, "a request stalls")
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    row = store.experiments.get(experiment)
    assert (row.status, row.error) == ("interrupted", "the worker was stopped in the middle of it")
    pid = only_engine(store).pid
    assert pid is not None
    assert group_members(pid) == []
    assert not store.workers.alive()


async def test_a_run_that_answers_nothing_fails_with_the_reason(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave
) -> None:
    fake_vllm(fault="http_400")
    experiment = queue(store, model, ["prefix_caching"])
    row = await finished(store, settings, experiment)
    assert row.status == "failed"
    assert str(row.error).startswith(
        "Baseline: not one of 4 requests was answered (HTTP 400: This model's maximum context length is "
    )
    runs = store.runs.of_experiment(experiment)
    assert {(run.status, run.error) for run in runs} == {("failed", row.error)}
    requests = store.runs.requests(runs[0].id)
    assert [request.status for request in requests] == [400] * 4
    assert all(str(request.error).startswith("HTTP 400") for request in requests)
    # The engine did nothing wrong.
    assert (only_engine(store).status, only_engine(store).error) == ("stopped", None)

    # Mended and resumed, what was refused is asked again.
    fake_vllm()
    store.experiments.resume(experiment)
    assert (await finished(store, settings, experiment)).status == "done"
    assert all(request.error is None for request in store.runs.requests(runs[0].id))


async def test_single_failures_are_recorded_and_counted(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave
) -> None:
    fake_vllm(fault="half_stream", fault_every=2)
    experiment = queue(store, model)
    assert (await finished(store, settings, experiment)).status == "done"
    (run,) = store.runs.of_experiment(experiment)
    requests = store.runs.requests(run.id)
    assert [request.error is None for request in requests] == [False, True, False, True]
    assert requests[0].text
    summary = run.summary or {}
    assert (summary["requests"], summary["errors"]) == (4, 2)
    assert summary["suspect"] == ["2 of 4 requests failed"]
    assert str(summary["error_examples"][0]).startswith("the connection was lost")


async def test_an_engine_that_does_not_start_fails_with_the_logs_cause(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave
) -> None:
    fake_vllm(fault="early_exit", exit_log="core")
    experiment = queue(store, model, ["prefix_caching"])
    row = await finished(store, settings, experiment)
    assert row.status == "failed"
    assert "To serve at least one request with the model's max seq len" in str(row.error)
    assert "--kv-cache-gib" in str(row.error)
    assert {run.status for run in store.runs.of_experiment(experiment)} == {"failed"}
    assert (only_engine(store).status, only_engine(store).error) == ("failed", row.error)
    assert store.experiments.progress(experiment).done == 0


async def test_an_engine_command_that_is_not_there_fails_and_leaves_no_engine_starting(
    store: Store, settings: Settings, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNG_ENGINE_COMMAND", "/no/such/engine")
    row = await finished(store, settings, queue(store, model))
    assert (row.status, row.error) == ("failed", only_engine(store).error)
    assert "/no/such/engine cannot be started" in str(row.error)
    assert store.engines.alive() == []


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ({"model": "/gone/model"}, "model '/gone/model': no such folder"),
        ({"endpoint": "http://127.0.0.1:9"}, "the endpoint http://127.0.0.1:9 does not answer"),
        ({"endpoint": "http://127.0.0.1:9", "techniques": ["prefix_caching"]}, "does not answer"),
    ],
)
async def test_a_target_that_is_gone_by_the_time_it_is_run(
    store: Store, settings: Settings, target: dict[str, Any], says: str
) -> None:
    model = Path(target["model"]) if "model" in target else None
    options = {name: value for name, value in target.items() if name == "endpoint"}
    experiment = queue(store, model, target.get("techniques"), **options)
    row = await finished(store, settings, experiment)
    assert row.status == "failed"
    assert says in str(row.error)
    assert engines(store) == []


async def test_a_named_model_that_is_gone_by_the_time_it_is_run(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave
) -> None:
    recipe = Recipe.of([("speculative_decoding", {"method": "draft_model", "draft_model": "starter-draft"})])
    prompts, _ = save_prompt_set(store, chat_prompts(2), "tests")
    spec = ExperimentSpec("run", prompts.id, (Rung("drafted", recipe),), model=str(model))
    row = await finished(store, settings, enqueue(store, spec, "title"))
    assert row.status == "failed"
    assert (row.error or "").startswith(
        "speculative_decoding.draft_model: the built-in model starter-draft is not whole: draft is missing"
    )
    assert engines(store) == []


async def test_a_disk_that_fills_up_fails_in_words_and_the_store_stays_valid(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_vllm()
    experiment = queue(store, model)
    whole = Runs.save_requests

    def on_a_full_disk(self: Runs, run_id: int, segment: int, records: Any) -> None:
        def full(connection: Any, record: Any, proxy: Any) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={pages}")

        event.listen(store.engine, "checkout", full)
        try:
            whole(self, run_id, segment, [{**record, "text": "x" * 1_000_000} for record in records])
        finally:
            event.remove(store.engine, "checkout", full)
            store.engine.dispose()

    monkeypatch.setattr(Runs, "save_requests", on_a_full_disk)
    row = await finished(store, settings, experiment)
    assert row.status == "failed"
    assert str(row.error).startswith("the database has no room left on its disk; free some space")
    pid = only_engine(store).pid
    assert pid is not None
    assert group_members(pid) == []
    with store.engine.connect() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    assert store.runs.finished_positions(store.runs.of_experiment(experiment)[0].id) == set()

    monkeypatch.setattr(Runs, "save_requests", whole)
    store.experiments.resume(experiment)
    assert (await finished(store, settings, experiment)).status == "done"


async def test_a_fault_of_rungs_own_ends_the_experiment_and_is_not_swallowed(
    store: Store, settings: Settings, model: Path, fake_vllm: Behave, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise ZeroDivisionError

    fake_vllm()
    monkeypatch.setattr("app.experiment.measure.save_summary", broken)
    experiment = queue(store, model)
    with pytest.raises(ZeroDivisionError):
        await work(store, settings)
    row = store.experiments.get(experiment)
    assert row.status == "failed"
    assert "a fault of its own" in str(row.error)
    assert store.engines.alive() == []
    pid = only_engine(store).pid
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)
