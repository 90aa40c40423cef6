"""`--techniques` and `--set`: what they choose, what a built-in model brings along, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.commands.choice import chosen_settings, read_settings
from app.experiment.saved_recipes import save_recipe
from optimizers.recipe import Recipe
from store.store import Store
from tests.app.commands.conftest import Rung, check
from tests.building import LLAMA, checkpoint_folder

Behave = Callable[..., None]
SPECULATION = "speculative_decoding"
DRAFT = ("--set", f"{SPECULATION}.method=draft_model", "--set", f"{SPECULATION}.draft_model=starter-draft")


def speculation_of(store: Store) -> dict[str, Any]:
    """What the last rung of the newest experiment was stored with."""
    recipe = store.experiments.recent()[0].spec["rungs"][-1]["recipe"]
    return next(use["settings"] for use in recipe if use["technique"] == SPECULATION)


def engine_config(store: Store) -> dict[str, Any]:
    """What the engine of the newest experiment's last run was told about speculation."""
    run = store.runs.of_experiment(store.experiments.recent()[0].id)[-1]
    argv = (run.manifest or {})["engine"]["argv"]
    config: dict[str, Any] = json.loads(argv[argv.index("--speculative-config") + 1])
    return config


class TestReading:
    def test_each_value_in_its_settings_type_and_the_last_one_counts(self) -> None:
        given = [
            f"{SPECULATION}.draft_model=a=b",
            f"{SPECULATION}.num_speculative_tokens=2",
            f"{SPECULATION}.num_speculative_tokens=3",
            "continuous_batching.max_num_seqs=",
        ]
        assert read_settings(given) == {
            SPECULATION: {"draft_model": "a=b", "num_speculative_tokens": 3},
            "continuous_batching": {"max_num_seqs": None},
        }

    def test_what_comes_along_lies_beneath_what_is_typed(self, capsys: pytest.CaptureFixture[str]) -> None:
        brought = {"method": "draft_model", "draft_model": "starter-draft", "num_speculative_tokens": 3}
        assert chosen_settings([], [SPECULATION], "starter") == {SPECULATION: brought}
        assert "with the draft model starter-draft, which comes with starter" in capsys.readouterr().err
        typed = [f"{SPECULATION}.num_speculative_tokens=5"]
        assert chosen_settings(typed, [SPECULATION], "starter") == {
            SPECULATION: brought | {"num_speculative_tokens": 5}
        }
        assert "comes with starter" in capsys.readouterr().err
        ngram = chosen_settings([f"{SPECULATION}.method=ngram"], [SPECULATION], "starter")
        assert ngram[SPECULATION]["method"] == "ngram"
        assert capsys.readouterr().err == ""

    def test_other_models_bring_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert chosen_settings([], ["prefix_caching", SPECULATION], "mine") == {"prefix_caching": {}, SPECULATION: {}}
        assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("quick", "starter")
class TestMeasuring:
    def test_the_starters_ladder_uses_its_own_draft(
        self, rung: Rung, store: Store, starter: Path, prompts: Path, fake_vllm: Behave
    ) -> None:
        said = rung("ladder", "--model", "starter", "--prompts", prompts, "--repeats", 1, "--no-again")
        assert said.code == 0
        assert f"{SPECULATION}: with the draft model starter-draft, which comes with starter" in said.err
        assert "tokens drafted by starter-draft were accepted" in said.out
        assert speculation_of(store)["draft_model"] == "starter-draft"
        assert engine_config(store) == {
            "method": "draft_model", "model": str(starter.parent / "draft"), "num_speculative_tokens": 3
        }  # fmt: skip
        last = store.runs.of_experiment(1)[-1].manifest or {}
        draft = last["models"][f"{SPECULATION}.draft_model"]
        assert draft["name"] == "starter-draft"
        assert len(draft["fingerprint"]) == 64

    def test_a_folder_keeps_ngram(
        self, rung: Rung, store: Store, model: Path, prompts: Path, fake_vllm: Behave
    ) -> None:
        line = ("ladder", "--model", model, "--prompts", prompts, "--repeats", 1, "--no-again")
        assert rung(*line, "--techniques", SPECULATION).code == 0
        assert engine_config(store)["method"] == "ngram"
        assert rung(*line, "--techniques", SPECULATION, *DRAFT).code == 0
        assert engine_config(store)["method"] == "draft_model"

    def test_a_run_by_its_techniques(
        self, rung: Rung, store: Store, starter: Path, prompts: Path, fake_vllm: Behave
    ) -> None:
        line = ("run", "--model", "starter", "--prompts", prompts, "--json")
        said = rung(*line, "--techniques", f"prefix_caching,{SPECULATION}")
        assert said.code == 0
        assert [use["technique"] for use in said.json["recipe"]] == ["prefix_caching", SPECULATION]
        assert engine_config(store)["model"] == str(starter.parent / "draft")

    def test_a_recipe_file_is_changed_by_set_and_by_nothing_else(
        self, rung: Rung, store: Store, prompts: Path, fake_vllm: Behave, tmp_path: Path
    ) -> None:
        recipe = tmp_path / "recipe.json"
        recipe.write_text(json.dumps([{"technique": SPECULATION, "settings": {"prompt_lookup_max": 3}}]))
        line = ("run", "--model", "starter", "--prompts", prompts, "--recipe", recipe, "--json")
        assert rung(*line).code == 0
        assert engine_config(store)["method"] == "ngram"
        assert rung(*line, "--set", f"{SPECULATION}.num_speculative_tokens=2").code == 0
        config = engine_config(store)
        assert (config["prompt_lookup_max"], config["num_speculative_tokens"]) == (3, 2)

    def test_a_relative_draft_folder_is_kept_whole(
        self, rung: Rung, store: Store, model: Path, prompts: Path, fake_vllm: Behave, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        draft = checkpoint_folder(model.parent / "small")
        monkeypatch.chdir(model.parent)
        settings = ("--set", f"{SPECULATION}.method=draft_model", "--set", f"{SPECULATION}.draft_model=small")
        line = ("run", "--model", model, "--prompts", prompts, "--techniques", SPECULATION, "--json")
        assert rung(*line, *settings).code == 0
        assert speculation_of(store)["draft_model"] == str(draft)


@pytest.mark.usefixtures("starter")
class TestRefusing:
    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ("nothing", "--set 'nothing': give TECHNIQUE.SETTING=VALUE"),
            ("prefix_caching=1", "give TECHNIQUE.SETTING=VALUE"),
            ("fly.high=1", "there is no technique 'fly'; known techniques: quantization"),
            ("continuous_batching.size=1", "continuous_batching has no setting 'size'; it has: max_num_seqs"),
            ("prefix_caching.on=true", "prefix_caching has no setting 'on'; it has: block_size"),
            ("continuous_batching.max_num_seqs=many", "max_num_seqs is 'many', but must be a number"),
            ("continuous_batching.max_num_seqs=0", "max_num_seqs is 0, outside what is allowed"),
            (f"{SPECULATION}.method=guess", "must be one of: ngram, draft_model"),
            (f"{SPECULATION}.method=draft_model", "draft_model is empty; name the draft model"),
            (f"{SPECULATION}.prompt_lookup_min=9", "prompt_lookup_min is 9, above prompt_lookup_max 4"),
        ],
    )
    def test_what_is_no_setting(
        self, rung: Rung, store: Store, model: Path, prompts: Path, given: str, says: str
    ) -> None:
        check(rung("ladder", "--model", model, "--prompts", prompts, "--set", given), says)
        assert store.experiments.recent() == []

    def test_a_setting_of_what_is_not_measured(self, rung: Rung, model: Path, prompts: Path) -> None:
        line = ("--model", model, "--prompts", prompts, "--set", f"{SPECULATION}.num_speculative_tokens=2")
        says = f"{SPECULATION} is not among what is measured"
        check(rung("ladder", *line, "--techniques", "prefix_caching"), says, "(prefix_caching)")
        check(rung("run", *line), says, "(nothing)")

    def test_a_draft_that_is_not_there(self, rung: Rung, store: Store, model: Path, prompts: Path) -> None:
        wrong = ("--set", f"{SPECULATION}.method=draft_model", "--set", f"{SPECULATION}.draft_model=starter-darft")
        said = rung("ladder", "--model", model, "--prompts", prompts, *wrong)
        check(said, f"{SPECULATION}.draft_model: model 'starter-darft': no such folder", "starter, starter-draft")
        assert store.experiments.recent() == []

    def test_a_draft_with_another_vocabulary(
        self, rung: Rung, store: Store, starter: Path, prompts: Path, tmp_path: Path
    ) -> None:
        served = checkpoint_folder(tmp_path / "served", LLAMA | {"vocab_size": 100})
        (starter.parent / "draft" / "config.json").write_text(json.dumps(LLAMA | {"vocab_size": 50}))
        said = rung("ladder", "--model", served, "--prompts", prompts, *DRAFT)
        check(said, "starter-draft has a vocabulary of 50 tokens, served one of 100")
        assert store.experiments.recent() == []

    def test_a_file_and_a_list_at_once(self, rung: Rung, model: Path, prompts: Path) -> None:
        line = ("--model", model, "--prompts", prompts, "--recipe", "r.json", "--techniques", "prefix_caching")
        check(rung("run", *line), "not allowed with argument")


def test_a_saved_recipe_is_measured_by_its_name(
    rung: Rung, store: Store, model: Path, prompts: Path, fake_vllm: Behave
) -> None:
    fake_vllm()
    recipe = Recipe.of([("prefix_caching", {"block_size": 32})])
    save_recipe(store, "small blocks", recipe)
    said = rung("run", "--model", model, "--prompts", prompts, "--recipe", "small blocks", "--json")
    assert said.code == 0, said.err
    assert said.json["recipe"] == recipe.to_json()
