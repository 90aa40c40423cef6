"""`repeat`: a run measured again from its manifest, by number or by file, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from store.settings import Settings
from store.store import Store
from tests.app.commands.conftest import Rung, Said, check
from tests.building import checkpoint_folder
from tests.fakes.launch import fake_engine

Behave = Callable[..., None]
pytestmark = pytest.mark.usefixtures("quick")

KEYS = {
    "schema", "repeated", "experiment_id", "runs", "verdict", "reason", "small_sample", "environment", "metrics",
    "same_output", "similarity",
}  # fmt: skip


def check_code(said: Said) -> None:
    """Two runs of an engine that takes no time differ by chance; the exit code says what the document says."""
    assert (said.json["verdict"], said.code) in {("agrees", 0), ("differs", 1)}


@contextmanager
def edited(path: Path) -> Iterator[dict[str, Any]]:
    document = json.loads(path.read_text())
    yield document
    path.write_text(json.dumps(document))


@pytest.fixture
def ran(rung: Rung, model: Path, prompts: Path, fake_vllm: Behave, tmp_path: Path) -> Path:
    """Run 1 and its document: three of four prompts with settings that are not the usual ones."""
    out = tmp_path / "run.json"
    said = rung(
        "run", "--model", model, "--prompts", prompts, "--techniques", "continuous_batching", "--limit", 3,
        "--static-batch", 2, "--max-tokens", 9, "--seed", 7, "--warm-up", 1, "--max-model-len", 512,
        "--idle-timeout", 60, "--price-per-hour", 2, "--out", out, "--json",
    )  # fmt: skip
    assert said.code == 0
    return out


class TestByNumber:
    def test_everything_is_as_it_was(self, rung: Rung, ran: Path, store: Store) -> None:
        said = rung("repeat", 1, "--repeats", 1, "--json")
        check_code(said)
        assert said.json.keys() == KEYS
        assert said.json["schema"] == "rung.repeat/1"
        assert (said.json["repeated"], said.json["runs"]) == ({"run": 1, "file": None}, [2])
        assert said.json["environment"] == []
        assert said.json["same_output"] == said.json["similarity"] == 100.0
        metrics = said.json["metrics"]
        assert list(metrics) == ["relative_cost", "ttft_ms", "tpot_ms", "e2e_ms", "output_tokens", "quality"]
        assert metrics["quality"]["agrees"] is True
        assert metrics["output_tokens"]["agrees"] is None
        first, again = (store.experiments.get(number).spec for number in (1, 2))
        assert again["kind"] == "run"
        assert again == first

    def test_repeats_and_a_table(self, rung: Rung, ran: Path) -> None:
        said = rung("repeat", 1)
        assert said.code in (0, 1)
        assert "run 1 again, as runs 2, 3, 4: " in said.out
        for part in ("Hardware s / request", "TTFT", "Expected answers", "95 % interval", "Small sample: 1 repeat"):
            assert part in said.out
        assert "100.0 % of 9 answers are the same to the letter" in said.out

    def test_a_slower_engine_does_not_agree(self, rung: Rung, ran: Path, fake_vllm: Behave) -> None:
        fake_vllm(ttft_ms=300)
        said = rung("repeat", 1, "--repeats", 2, "--json")
        assert (said.code, said.json["verdict"]) == (1, "differs")
        assert said.json["metrics"]["ttft_ms"]["agrees"] is False

    def test_one_that_fails(self, rung: Rung, ran: Path, fake_vllm: Behave) -> None:
        fake_vllm(fault="early_exit")
        said = rung("repeat", 1, "--json")
        assert (said.code, said.json["verdict"], said.json["metrics"]) == (3, "failed", {})
        assert said.json.keys() == KEYS

    def test_a_manifest_from_before_options_were_kept(self, rung: Rung, ran: Path, store: Store) -> None:
        run = store.runs.get(1)
        kept = {k: v for k, v in (run.manifest or {}).items() if k not in ("options", "idle_timeout_s")}
        store.runs.start(1, kept)
        store.runs.finish(1, "done")
        check_code(rung("repeat", 1, "--repeats", 1, "--json"))
        assert store.experiments.get(2).spec == store.experiments.get(1).spec

    def test_at_an_endpoint(self, rung: Rung, prompts: Path, store: Store) -> None:
        with fake_engine("--served-model-name", "theirs") as url:
            assert rung("run", "--endpoint", url, "--prompts", prompts, "--json").code == 0
            said = rung("repeat", 1, "--json")
            check(rung("repeat", 1, "--model", "mine"), "run 1 was measured at", "leave --model out")
        check_code(said)
        assert said.json["environment"] == []
        spec = store.experiments.get(2).spec
        assert (spec["endpoint"], spec["model"]) == (url, "theirs")
        check(rung("repeat", 1), f"the endpoint {url} does not answer")


class TestByFile:
    def test_one_whose_run_is_here(self, rung: Rung, ran: Path) -> None:
        said = rung("repeat", ran, "--json")
        check_code(said)
        assert said.err == "note: run.json is run 1 of this store, which has its requests\n"
        assert said.json["repeated"] == {"run": 1, "file": "run.json"}

    def test_one_from_elsewhere_has_figures_and_no_verdict(
        self, rung: Rung, ran: Path, prompts: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = ("--database", tmp_path / "other.db")
        check(rung("repeat", ran, *other), "run.json cannot be repeated: model 'tiny-model'", "--model names it")
        check(
            rung("repeat", ran, "--model", model, *other), "no prompt set here begins with the 3 prompts of questions"
        )
        assert rung("prompts", "import", prompts, *other).code == 0
        said = rung("repeat", ran, "--model", model, *other, "--json")
        assert (said.code, said.json["verdict"]) == (1, "not comparable")
        assert said.json["reason"] == "the file holds no requests"
        assert said.json["repeated"] == {"run": None, "file": "run.json"}
        assert said.json["environment"] == []
        assert said.json["same_output"] is None
        metrics = said.json["metrics"]
        assert list(metrics) == ["requests_per_s", "ttft_ms", "tpot_ms", "e2e_ms", "output_tokens", "quality"]
        for item in metrics.values():
            assert item["baseline"] is not None
            assert item["candidate"] is not None
            assert (item["interval"], item["verdict"], item["agrees"]) == (None, "not comparable", None)
        # Beside the folder, its name is enough.
        monkeypatch.chdir(model.parent)
        assert "not comparable; the file holds no requests" in rung("repeat", ran, *other).out

    def test_one_with_requests_from_elsewhere(
        self, rung: Rung, ran: Path, prompts: Path, model: Path, tmp_path: Path
    ) -> None:
        out, other = tmp_path / "exported.json", ("--database", tmp_path / "other.db")
        assert rung("export", 1, "--out", out).code == 0
        assert rung("prompts", "import", prompts, *other).code == 0
        said = rung("repeat", out, "--model", model, *other, "--json")
        check_code(said)
        assert said.json["same_output"] == 100.0
        assert rung("import", out, *other).code == 0
        check_code(rung("repeat", 2, "--model", model, *other, "--json"))

    def test_other_hardware_is_not_compared(
        self, rung: Rung, ran: Path, prompts: Path, model: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "exported.json"
        assert rung("export", 1, "--out", out).code == 0
        with edited(out) as document:
            document["manifest"] |= {"hardware": {"title": "another machine"}, "started_at": 1.0}
        said = rung("repeat", out, "--model", model, "--json")
        assert (said.code, said.json["verdict"]) == (1, "not comparable")
        assert said.json["reason"].startswith("the hardware differs (another machine against")
        assert "hardware.title" in [each["fact"] for each in said.json["environment"]]
        assert said.json["metrics"]["requests_per_s"]["delta"] is not None

    def test_a_set_that_comes_along_needs_no_import(
        self, rung: Rung, model: Path, fake_vllm: Behave, tmp_path: Path
    ) -> None:
        out, other = tmp_path / "run.json", ("--database", tmp_path / "other.db")
        said = rung("run", "--model", model, "--prompts", "unique", "--limit", 3, "--out", out, "--json")
        assert said.code == 0
        assert rung("repeat", out, "--model", model, *other, "--json").json["verdict"] == "not comparable"

    def test_paths_that_were_made_to_be_handed_on(
        self, rung: Rung, ran: Path, model: Path, settings: Settings, store: Store
    ) -> None:
        draft = checkpoint_folder(settings.home / "models" / "small")
        named = {"method": "draft_model", "draft_model": "RUNG_HOME/models/small"}
        with edited(ran) as document:
            document["recipe"] = [{"technique": "speculative_decoding", "settings": named}]
            document["manifest"]["started_at"] = 1.0
        said = rung("repeat", ran, "--model", model, "--json")
        assert said.code == 1, said
        (rung_of,) = store.experiments.get(2).spec["rungs"]
        assert rung_of["recipe"][0]["settings"]["draft_model"] == str(draft)


class TestRefused:
    @pytest.mark.parametrize(
        ("line", "says"),
        [
            ("", "the following arguments are required: RUN_OR_FILE"),
            ("7", "there is no run with the number 7"),
            ("no-such.json", "there is no file 'no-such.json'; give a run's number"),
        ],
    )
    def test_what_is_not_there(self, rung: Rung, line: str, says: str) -> None:
        check(rung("repeat", *line.split()), says)

    def test_too_many_repeats(self, rung: Rung, ran: Path) -> None:
        check(rung("repeat", 1, "--repeats", 0), "0 repeats were asked for")

    def test_other_weights(self, rung: Rung, ran: Path, model: Path, store: Store) -> None:
        with (model / "model.safetensors").open("ab") as weights:
            weights.write(b"changed")
        check(rung("repeat", 1), "run 1 cannot be repeated: the weights of", "have changed since (fingerprint")
        assert len(store.experiments.recent()) == 1

    def test_a_model_that_is_gone(self, rung: Rung, ran: Path, model: Path) -> None:
        model.rename(model.with_name("elsewhere"))
        check(rung("repeat", 1), "run 1 cannot be repeated: model", "no such folder", "--model names it elsewhere")

    def test_a_run_that_did_not_finish(self, rung: Rung, ran: Path, store: Store) -> None:
        store.runs.finish(1, "failed")
        check(rung("repeat", 1), "run 1 is failed; only finished runs can be repeated")

    @pytest.mark.parametrize(
        ("part", "value", "says"),
        [
            ("sampling", None, "run.json cannot be repeated: its manifest does not say its sampling"),
            ("engine", {}, "its manifest does not say its engine"),
            ("model", {"name": "tiny-model"}, "does not say which weights it had"),
            ("load", {"kind": "closed_loop", "users": 3}, "run.json: its manifest cannot be read (TypeError"),
            ("load", {"kind": "closed_loop", "concurrency": 0}, "the concurrency is 0"),
            ("options", {"dtype": "auto", "colour": 1}, "run.json: its manifest cannot be read (TypeError"),
            ("prompt_set", {"name": "gone", "prompts": 2, "content_hash": "abc"}, "the 2 prompts of gone that it sent"),
        ],
    )
    def test_a_manifest_that_lacks_something(
        self, rung: Rung, ran: Path, model: Path, part: str, value: object, says: str
    ) -> None:
        with edited(ran) as document:
            document["manifest"] |= {"started_at": 1.0, part: value}
        check(rung("repeat", ran, "--model", model), says)

    def test_other_documents(self, rung: Rung, ran: Path, tmp_path: Path) -> None:
        both = tmp_path / "both.json"
        document = json.loads(ran.read_text())
        both.write_text(json.dumps({"schema": "rung.export/1", "runs": [document, document]}))
        check(rung("repeat", both), "holds 2 runs; give a file with one of them")
        both.write_text("{}")
        check(rung("repeat", both), "is not an exported run of Rung")
