"""`ladder`, `run` and `resume`: what they print, write and return, with the fake engine."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.commands import follow
from app.worker import working
from store.settings import Settings
from store.store import Store
from tests.app.commands.conftest import Rung
from tests.fakes.launch import eventually, fake_engine

Behave = Callable[..., None]
pytestmark = pytest.mark.usefixtures("quick")

RUN_KEYS = {
    "schema", "run_id", "recipe", "prompt_set", "load", "metrics", "intervals", "evidence", "requests", "errors",
    "suspect", "small_sample", "manifest",
}  # fmt: skip
METRIC_KEYS = {
    "ttft_ms", "tpot_ms", "itl_ms", "e2e_ms", "requests_per_s", "output_tokens_per_s", "prompt_tokens",
    "sent_prompt_tokens", "cached_tokens", "output_tokens", "relative_cost", "usd_per_million_tokens", "quality",
}  # fmt: skip
EXPERIMENT_KEYS = {"schema", "experiment_id", "kind", "runs", "engine_starts", "seconds"}
DISTRIBUTION_KEYS = {"mean", "p50", "p95", "p99"}


def check_run(document: dict[str, Any]) -> None:
    assert document["schema"] == "rung.run/1"
    assert document.keys() >= RUN_KEYS
    metrics = document["metrics"]
    assert metrics.keys() >= METRIC_KEYS
    for tag in ("ttft_ms", "tpot_ms", "itl_ms", "e2e_ms"):
        assert metrics[tag].keys() == DISTRIBUTION_KEYS
        assert metrics[tag]["p50"] is not None
    for item in document["recipe"]:
        assert item.keys() == {"technique", "settings"}
    for item in document["evidence"]:
        assert item.keys() >= {"technique", "took_effect", "detail"}


class TestLadder:
    def test_json_on_stdout_and_in_a_file(
        self, rung: Rung, model: Path, prompts: Path, fake_vllm: Behave, tmp_path: Path
    ) -> None:
        out = tmp_path / "results.v1"
        said = rung(
            "ladder", "--model", model, "--prompts", prompts, "--techniques", "prefix_caching, continuous_batching",
            "--repeats", 1, "--concurrency", 2, "--price-per-hour", 3, "--out", out, "--json",
        )  # fmt: skip
        assert said.code == 0
        assert said.err.startswith("Planned: ladder, 4 rungs × 1 repeat = 4 runs of 4 prompts: 16 requests and 8 to ")
        assert said.err.count("\n") == 1
        document = said.json
        assert json.loads((out / "experiment.json").read_text()) == document
        assert document.keys() >= EXPERIMENT_KEYS
        assert (document["schema"], document["kind"], document["status"]) == ("rung.experiment/1", "ladder", "done")
        assert document["engine_starts"] == 2
        assert document["seconds"]["total"] >= document["seconds"]["generation"] > 0
        for run in document["runs"]:
            check_run(run)
        labels = ["Baseline", "Baseline again", "+ Prefix caching", "+ Continuous batching"]
        assert [each["label"] for each in document["rungs"]] == labels
        assert document["rungs"][0]["relative_cost"] == 1.0
        assert document["runs"][0]["metrics"]["relative_cost"] == 1.0
        assert document["runs"][0]["metrics"]["usd_per_million_tokens"] > 0
        assert document["runs"][2]["evidence"][0]["took_effect"] is True
        assert document["rungs"][2]["article"]["cumulative"] == 0.38
        assert "relative_cost" in document["noise_floor"]
        prefix = document["rungs"][2]
        # The fake engine never says the expected "x": 0 of 4 prompts.
        assert prefix["metrics"]["quality"] == 0.0
        assert prefix["quality_interval"] == pytest.approx([0.0, 49.0], abs=0.1)
        assert (prefix["step_quality"]["delta"], prefix["step_quality"]["unit"]) == (0.0, "points")
        assert prefix["metrics"]["step_same_output"] == prefix["metrics"]["similarity"] == 100.0
        assert document["rungs"][0]["step_quality"] is None
        assert document["runs"][-1]["metrics"]["same_output"] == document["rungs"][-1]["same_output_percent"]
        assert document["runs"][0]["manifest"]["prompt_set"]["score"] == "contains"

    def test_a_table_for_people_and_progress_beside_it(
        self, rung: Rung, model: Path, prompts: Path, fake_vllm: Behave
    ) -> None:
        said = rung("ladder", "--model", model, "--prompts", prompts, "--repeats", 1, "--warm-up", 0, "--no-again")
        assert said.code == 0
        for part in ("Baseline", "+ Prefix caching", "1.00", "take effect?", "engines started: 3", "Experiment 1;"):
            assert part in said.out
        assert "Baseline again" not in said.out
        assert "prompt tokens came from the prefix cache" in said.out
        assert "requests)" in said.err

    def test_at_an_endpoint_launch_flags_are_left_out_and_named(self, rung: Rung, prompts: Path) -> None:
        with fake_engine("--served-model-name", "theirs") as url:
            said = rung("ladder", "--endpoint", f"{url}/v1", "--prompts", prompts, "--repeats", 1, "--json")
            refused = rung("ladder", "--endpoint", url, "--prompts", prompts, "--techniques", "prefix_caching")
            wrong = rung("ladder", "--endpoint", url, "--model", "mine", "--prompts", prompts)
        assert said.code == 0
        assert "left out: prefix_caching: it is a launch flag" in said.err
        assert [each["adds"] for each in said.json["rungs"]] == [None, None, "continuous_batching"]
        assert said.json["engine_starts"] == 0
        assert (refused.code, wrong.code) == (2, 2)
        assert "leave it out of --techniques" in refused.err
        assert "does not serve 'mine'; it serves: theirs" in wrong.err


class TestRun:
    def test_one_recipe_from_a_file(
        self, rung: Rung, model: Path, prompts: Path, fake_vllm: Behave, tmp_path: Path
    ) -> None:
        recipe, out = tmp_path / "recipe.json", tmp_path / "made" / "result"
        recipe.write_text('["prefix_caching"]')
        said = rung(
            "run", "--model", model, "--prompts", prompts, "--recipe", recipe, "--static-batch", 2, "--limit", 3,
            "--out", out, "--json",
        )  # fmt: skip
        assert (said.code, said.err) == (0, "")
        check_run(said.json)
        assert json.loads(out.read_text()) == said.json
        assert (said.json["requests"], said.json["prompt_set"]["prompts"]) == (3, 3)
        assert said.json["load"]["schedule"] == "static batches of 2"
        assert said.json["metrics"]["usd_per_million_tokens"] is None
        # What a run was made from makes it again.
        again = tmp_path / "again.json"
        again.write_text(json.dumps(said.json))
        repeated = rung("run", "--model", model, "--prompts", prompts, "--recipe", again, "--json")
        assert repeated.json["recipe"] == said.json["recipe"]

    def test_an_open_loop(self, rung: Rung, model: Path, prompts: Path, fake_vllm: Behave) -> None:
        said = rung("run", "--model", model, "--prompts", prompts, "--rate", 200, "--arrivals", "constant", "--json")
        assert (said.code, said.err) == (0, "")
        load = said.json["load"]
        assert (load["kind"], load["rate"], load["schedule"]) == ("constant_rate", 200.0, "200 requests/s")
        assert said.json["manifest"]["load"]["kind"] == "constant_rate"

    def test_as_recorded(self, rung: Rung, model: Path, tmp_path: Path, fake_vllm: Behave) -> None:
        path = tmp_path / "recorded.jsonl"
        path.write_text("".join(json.dumps({"prompt": f"Why {at}?", "arrival_s": 7 + at}) + "\n" for at in range(3)))
        said = rung("run", "--model", model, "--prompts", path, "--as-recorded", 50, "--json")
        assert (said.code, said.err) == (0, "")
        assert said.json["load"]["schedule"] == "as recorded, 50 times as fast"
        # Two gaps of a second, 50 times as fast.
        assert said.json["metrics"]["requests_per_s"] < 3 / 0.04

    def test_a_table_for_people(self, rung: Rung, model: Path, prompts: Path, fake_vllm: Behave) -> None:
        said = rung("run", "--model", model, "--prompts", prompts)
        assert said.code == 0
        assert "Run 1: Baseline" in said.out
        assert "4 requests, 0 failed" in said.out
        # No price was given: a dash, and no 0.
        (line,) = [line for line in said.out.splitlines() if line.startswith("Cost per 1M tokens")]
        assert line.split()[-1] == "–"

    def test_the_starter_is_found_from_any_folder(
        self, rung: Rung, starter: Path, store: Store, prompts: Path, fake_vllm: Behave,
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        (tmp_path / "starter").mkdir()
        monkeypatch.chdir(tmp_path)
        assert rung("run", "--model", "starter", "--prompts", prompts, "--json").code == 0
        assert store.experiments.get(1).spec["model"] == "starter"

    def test_a_relative_folder_is_kept_whole(
        self, rung: Rung, store: Store, model: Path, prompts: Path, fake_vllm: Behave, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(model.parent)
        assert rung("run", "--model", model.name, "--prompts", prompts.name, "--json").code == 0
        assert store.experiments.get(1).spec["model"] == str(model)


class TestFailing:
    def test_a_run_that_fails_ends_with_3_and_the_reason(
        self, rung: Rung, model: Path, prompts: Path, fake_vllm: Behave
    ) -> None:
        fake_vllm(fault="early_exit", exit_log="core")
        said = rung("run", "--model", model, "--prompts", prompts, "--json")
        assert said.code == 3
        assert said.err.startswith("rung: experiment 1 failed: the engine ended before it was ready: To serve at least")
        assert said.err.count("\n") == 1
        assert said.json["status"] == "failed"
        assert said.json["metrics"]["requests_per_s"] is None
        assert said.json["requests"] is None

    def test_an_interrupted_one_says_how_to_go_on_and_does(
        self, rung: Rung, model: Path, prompts: Path, fake_vllm: Behave, tmp_path: Path
    ) -> None:
        fake_vllm(fault="die_midway", die_after=4)
        line = [
            "--model",
            model,
            "--prompts",
            prompts,
            "--techniques",
            "prefix_caching",
            "--repeats",
            1,
            "--warm-up",
            1,
        ]
        said = rung("ladder", *line, "--no-again")
        assert said.code == 3
        assert "interrupted: the engine was killed (signal 9)" in said.err
        assert "go on with: python -m app resume 1" in said.err
        fake_vllm()
        resumed = rung("resume", 1, "--json")
        assert (resumed.code, resumed.json["status"]) == (0, "done")
        assert resumed.json["runs"][0]["requests"] == 4
        assert rung("resume", 1).code == 2


@contextmanager
def worker_elsewhere(store: Store, settings: Settings) -> Iterator[None]:
    """A worker that has the store and runs what is queued."""
    loop, started = asyncio.new_event_loop(), threading.Event()
    tasks: list[asyncio.Task[None]] = []

    def serve() -> None:
        with working(store, settings) as worker:
            tasks.append(loop.create_task(worker.serve()))
            started.set()
            with pytest.raises(asyncio.CancelledError):
                loop.run_until_complete(tasks[0])
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    started.wait()
    yield
    loop.call_soon_threadsafe(tasks[0].cancel)
    thread.join()


class TestWithAWorker:
    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(follow, "POLL_S", 0.05)

    def test_the_worker_that_has_the_store_runs_it(
        self, rung: Rung, store: Store, settings: Settings, model: Path, prompts: Path, fake_vllm: Behave
    ) -> None:
        with worker_elsewhere(store, settings):
            said = rung("run", "--model", model, "--prompts", prompts, "--json")
            second = rung("worker")
        assert (said.code, said.json["status"]) == (0, "done")
        assert second.code == 2
        assert second.err == "rung: another worker has this store; it will run what is queued\n"

    def test_a_worker_that_ends_without_running_it_is_not_waited_for(
        self, rung: Rung, store: Store, settings: Settings, model: Path, prompts: Path, fake_vllm: Behave
    ) -> None:
        taken = threading.Event()

        def hold_the_store_until_something_is_queued() -> None:
            with working(store, settings):
                taken.set()
                eventually(lambda: bool(store.experiments.recent()), "the command has queued its experiment")

        thread = threading.Thread(target=hold_the_store_until_something_is_queued)
        thread.start()
        taken.wait()
        said = rung("run", "--model", model, "--prompts", prompts, "--json")
        thread.join()
        assert (said.code, said.json["status"]) == (0, "done")
