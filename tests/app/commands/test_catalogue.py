"""`prompts`, `models` and `techniques`: lists, additions, and the way out and back in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from optimizers.registry import techniques
from store.settings import Settings
from tests.app.commands.conftest import Rung
from tests.fakes.launch import ROOT


class TestPrompts:
    def test_import_says_what_came_in(self, rung: Rung, prompts: Path) -> None:
        said = rung("prompts", "import", prompts)
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith("imported questions: 4 prompts, ")
        again = rung("prompts", "import", prompts, "--json")
        assert again.json["new"] is False
        assert (again.json["name"], again.json["prompts"], len(again.json["content_hash"])) == ("questions", 4, 64)

    def test_the_list_has_the_built_in_sets(self, rung: Rung, prompts: Path) -> None:
        rung("prompts", "import", prompts)
        names = {each["name"]: each["prompts"] for each in rung("prompts", "list", "--json").json["prompt_sets"]}
        assert names["questions"] == 4
        assert names.keys() >= {"support-desk", "multi-turn", "few-shot", "unique", "extraction", "long-chat"}
        table = rung("prompts", "list").out
        assert all(name in table for name in names)

    def test_exported_and_imported_again_a_set_is_the_same(self, rung: Rung, prompts: Path, tmp_path: Path) -> None:
        first = rung("prompts", "import", prompts, "--json").json
        copy = tmp_path / "copy.jsonl"
        assert rung("prompts", "export", "questions", "--out", copy).code == 0
        assert rung("prompts", "export", "questions").out == copy.read_text()
        second = rung("prompts", "import", copy, "--json").json
        assert (second["name"], second["content_hash"]) == ("copy", first["content_hash"])
        assert rung("prompts", "export", "few-shot").out.startswith('{"schema": "rung.prompts/1"')

    def test_a_rule_is_chosen_listed_and_exported(self, rung: Rung, prompts: Path, tmp_path: Path) -> None:
        plain = rung("prompts", "import", prompts, "--json").json
        said = rung("prompts", "import", prompts, "--name", "strict", "--score", "exact", "--json").json
        assert (plain["score"], said["score"]) == ("contains", "exact")
        assert said["content_hash"] != plain["content_hash"]
        listed = {each["name"]: each["score"] for each in rung("prompts", "list", "--json").json["prompt_sets"]}
        assert (listed["questions"], listed["strict"]) == ("contains", "exact")
        assert "exact" in rung("prompts", "list").out
        copy = tmp_path / "copy.jsonl"
        rung("prompts", "export", "strict", "--out", copy)
        assert json.loads(copy.read_text().partition("\n")[0])["score"] == "exact"
        again = rung("prompts", "import", copy, "--json").json
        assert (again["score"], again["content_hash"]) == ("exact", said["content_hash"])

    def test_a_rule_that_cannot_be_used_imports_nothing(self, rung: Rung, prompts: Path) -> None:
        for rule, says in (
            ("fuzzy", "invalid choice: 'fuzzy'"),
            ("json", "line 1: the expected answer 'x' is not JSON"),
        ):
            said = rung("prompts", "import", prompts, "--score", rule)
            assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
            assert says in said.err
        assert "questions" not in rung("prompts", "list").out

    def test_removing(self, rung: Rung, prompts: Path) -> None:
        rung("prompts", "import", prompts)
        assert rung("prompts", "remove", "questions").out == "removed questions\n"
        assert rung("prompts", "remove", "questions").code == 2


class TestModels:
    def test_add_and_list(self, rung: Rung, model: Path) -> None:
        said = rung("models", "add", model)
        assert said.out == "added tiny-model: LlamaForCausalLM, 0 MiB of weights\n"
        assert rung("models", "add", model, "--name", "mine", "--json").json["weight_bytes"] == 64
        listed = {each["name"]: each for each in rung("models", "list", "--json").json["models"]}
        assert listed.keys() == {"starter", "starter-draft", "tiny-model", "mine"}
        assert listed["mine"]["location"] == str(model)
        assert listed["mine"]["problem"] is None
        assert "the built-in model starter is not whole: target is missing" in listed["starter"]["problem"]
        assert listed["starter"]["architecture"] is None

    def test_a_saved_model_is_removed_and_its_files_stay(self, rung: Rung, model: Path) -> None:
        rung("models", "add", model)
        assert rung("models", "remove", "tiny-model").out == "removed tiny-model by name; its files stay\n"
        assert (model / "config.json").is_file()
        said = rung("models", "remove", "tiny-model")
        assert said.code == 2
        assert "there is no saved model 'tiny-model'" in said.err

    def test_the_built_in_models_are_listed(self, rung: Rung, starter: Path) -> None:
        listed = rung("models", "list", "--json").json["models"]
        assert [(each["name"], each["architecture"], each["problem"]) for each in listed] == [
            ("starter", "LlamaForCausalLM", None),
            ("starter-draft", "LlamaForCausalLM", None),
        ]

    def test_a_relative_folder_is_kept_whole(self, rung: Rung, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(model.parent)
        rung("models", "add", model.name)
        monkeypatch.chdir("/")
        listed = rung("models", "list", "--json").json["models"]
        assert {each["name"]: each["problem"] for each in listed}["tiny-model"] is None

    def test_the_table_shows_what_is_wrong(self, rung: Rung) -> None:
        said = rung("models", "list")
        assert said.code == 0
        assert "starter" in said.out
        assert "–" in said.out


def test_techniques_with_their_settings(rung: Rung) -> None:
    offered = {each["technique"]: each for each in rung("techniques", "--json").json["techniques"]}
    assert tuple(offered) == techniques().keys()
    settings = {each["name"]: each for each in offered["speculative_decoding"]["settings"]}
    assert settings["num_speculative_tokens"]["default"] == 4
    assert settings["method"]["choices"] == ["ngram", "draft_model", "eagle", "eagle3", "mtp"]
    assert settings["draft_model"]["kind"] == "model"
    assert settings["draft_model"]["only_with"] == ["method", ["draft_model", "eagle", "eagle3"]]
    assert all(each["unavailable"] is None for each in offered.values())
    text = rung("techniques").out
    for technique in techniques().all():
        assert technique.key in text
        assert technique.off_means in text


def test_a_reader_that_leaves_early_is_no_fault(settings: Settings) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "app", "techniques", "--json"],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
