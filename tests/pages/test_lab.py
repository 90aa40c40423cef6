"""Lab: composing an experiment, in each state of the page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest

from app.engine.hardware import Hardware
from app.engine.memory_fit import GIB
from app.experiment.saved_recipes import save_recipe, saved_recipes
from optimizers.continuous_batching import ContinuousBatching
from optimizers.prefix_caching import PrefixCaching
from optimizers.recipe import Recipe
from store.store import Store
from tests.fakes.launch import ROOT
from tests.pages import factory
from tests.pages.conftest import Open, words

pytestmark = pytest.mark.usefixtures("starter")


def toggle(at: AppTest, technique: str, on: bool = True) -> None:
    """As a person does; fails the test when the page raises."""
    found = next(each for each in at.toggle if str(each.key).endswith(f"_on_{technique}"))
    found.set_value(on).run()
    assert not at.exception, at.exception[0].value


def widget(at: AppTest, kind: str, name: str):  # type: ignore[no-untyped-def]
    """By its key without the generation."""
    return next(each for each in at.get(kind) if str(each.key).partition("_")[2] == name)


def is_on(at: AppTest) -> list[str]:
    return [str(each.key).partition("_on_")[2] for each in at.toggle if "_on_" in str(each.key) and each.value]


def recipe_in_link(at: AppTest) -> dict[str, object]:
    found = at.query_params["recipe"]
    return dict(json.loads(found[0] if isinstance(found, list) else found))


def rungs(store: Store) -> list[str]:
    (row,) = store.experiments.unfinished()
    return [rung["label"] for rung in row.spec["rungs"]]


class TestFirstSight:
    def test_something_can_be_measured_at_once(self, open_page: Open, store: Store) -> None:
        at = open_page("lab")
        said = words(at).replace("**", "")
        assert "Planned: ladder, 3 rungs × 3 repeats = 9 runs of 16 prompts (the first 16 of 128): 144 requests" in said
        assert "no estimate yet: nothing has been measured here" in said
        assert is_on(at) == ["prefix_caching"]
        assert not at.button(key="lab_measure").disabled
        assert "recipe" not in at.query_params
        assert list(at.table[0].value["Engine"]) == ["1", "1", "2"]
        assert store.experiments.recent() == []

    def test_every_technique_says_what_it_does_and_what_the_article_claims(self, open_page: Open) -> None:
        at = open_page("lab")
        assert [header.value for header in at.subheader] == ["Tokens sent", "Cost per token", "Recomputation"]
        said = words(at)
        assert (
            "Drafts several tokens cheaply and lets the model accept or refuse them in one pass. The article: " in said
        )
        assert "Off at first: no prompt has turns before its question" in said

    def test_what_is_not_available_is_shown_and_cannot_be_turned_on(
        self, open_page: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(PrefixCaching, "unavailable", lambda self, surroundings: "no cache here")
        at = open_page("lab")
        barred = next(each for each in at.toggle if str(each.key).endswith("_on_prefix_caching"))
        assert barred.disabled
        assert "Not here: no cache here." in words(at)

    def test_without_a_usable_model_there_is_no_form(self, open_page: Open, starter: Path) -> None:
        shutil.rmtree(starter.parent)
        at = open_page("lab")
        assert "There is no usable model yet" in words(at)
        assert not at.toggle


class TestComposing:
    def test_what_is_turned_on_comes_last_and_is_in_the_link(self, open_page: Open) -> None:
        at = open_page("lab")
        toggle(at, "continuous_batching")
        assert recipe_in_link(at) == {"prefix_caching": {}, "continuous_batching": {}}
        toggle(at, "prefix_caching", False)
        toggle(at, "prefix_caching")
        assert list(recipe_in_link(at)) == ["continuous_batching", "prefix_caching"]

    def test_the_order_can_be_changed(self, open_page: Open, store: Store) -> None:
        at = open_page("lab", recipe='{"prefix_caching":{},"continuous_batching":{},"speculative_decoding":{}}')
        at.button(key="lab_up_speculative_decoding").click().run()
        at.button(key="lab_up_speculative_decoding").click().run()
        assert next(iter(recipe_in_link(at))) == "speculative_decoding"
        at.button(key="lab_measure").click().run()
        assert rungs(store)[2:] == ["+ Speculative decoding", "+ Prefix caching", "+ Continuous batching"]

    def test_settings_open_when_it_is_on_and_go_into_the_link_and_the_experiment(
        self, open_page: Open, store: Store
    ) -> None:
        at = open_page("lab")
        toggle(at, "speculative_decoding")
        widget(at, "number_input", "starter_speculative_decoding_num_speculative_tokens").set_value(5).run()
        assert recipe_in_link(at)["speculative_decoding"] == {"num_speculative_tokens": 5}
        at.button(key="lab_measure").click().run()
        (row,) = store.experiments.unfinished()
        used = row.spec["rungs"][-1]["recipe"][-1]["settings"]
        assert (used["num_speculative_tokens"], used["draft_model"]) == (5, "starter-draft")

    def test_the_plan_follows_what_is_chosen(self, open_page: Open, store: Store) -> None:
        at = open_page("lab")
        toggle(at, "continuous_batching")
        widget(at, "selectbox", "kind").select("factorial").run()
        widget(at, "number_input", "repeats").set_value(2).run()
        widget(at, "number_input", "limit_support-desk").set_value(10).run()
        said = words(at)
        assert "full factorial, 5 rungs × 2 repeats = 10 runs of 10 prompts (the first 10 of 128): 100 requests" in said
        assert "Every combination: how techniques help or hinder each other" in said
        assert store.experiments.recent() == []

    def test_all_and_none(self, open_page: Open) -> None:
        at = open_page("lab")
        at.button(key="lab_all").click().run()
        assert set(is_on(at)) == {
            "prefix_caching", "continuous_batching", "speculative_decoding", "context_selection", "prompt_compression",
        }  # fmt: skip
        at.button(key="lab_none").click().run()
        assert is_on(at) == []
        assert "Nothing is on yet: turn a technique on" in words(at)
        assert at.button(key="lab_measure").disabled

    def test_a_conflict_is_told_at_both_toggles(self, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ContinuousBatching, "conflicts", {"prefix_caching": "they want the same block"})
        at = open_page("lab")
        toggle(at, "continuous_batching")
        said = words(at)
        for other in ("Prefix caching", "Continuous batching"):
            assert f"It cannot be on together with {other}: they want the same block. Turn one of the two off" in said
        assert at.button(key="lab_measure").disabled
        widget(at, "selectbox", "kind").select("one_at_a_time").run()
        assert "cannot be on together" not in words(at)
        assert not at.button(key="lab_measure").disabled

    def test_what_to_know_stands_beside_its_technique(self, open_page: Open) -> None:
        at = open_page("lab", recipe='{"prefix_caching":{},"prompt_compression":{}}')
        assert "The shared beginning that the prefix cache lives on may get shorter" in words(at)

    def test_what_was_measured_here_gives_the_plan_its_time(
        self, open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine = Hardware("Example CPU", 2, 8 * GIB)
        assert machine.title == factory.MACHINE
        monkeypatch.setattr("app.studio.session.detect_hardware", lambda: machine)
        factory.finished(store, engine_starts=3)
        assert "judging by 10 earlier runs here" in words(open_page("lab"))


class TestMeasuring:
    def test_the_button_queues_it_and_goes_there(self, open_page: Open, store: Store) -> None:
        at = open_page("lab", kind="leave_one_out", recipe='{"continuous_batching":{},"prefix_caching":{}}')
        at.button(key="lab_measure").click().run()
        assert not at.exception
        (row,) = store.experiments.unfinished()
        assert (row.kind, row.title) == ("leave_one_out", "Leave one out: starter on support-desk")
        assert rungs(store)[2:] == ["Everything", "Without continuous batching", "Without prefix caching"]
        assert at.title[0].value == "Ladder"
        assert at.selectbox(key="chosen_experiment").value == str(row.id)

    def test_a_single_recipe(self, open_page: Open, store: Store) -> None:
        at = open_page("lab", kind="run", repeats="1")
        next(each for each in at.toggle if each.label == "Baseline beside it").set_value(False).run()
        at.button(key="lab_measure").click().run()
        assert rungs(store) == ["Prefix caching"]

    def test_a_sweep(self, open_page: Open, store: Store) -> None:
        at = open_page("lab", kind="sweep", recipe='{"continuous_batching":{}}')
        widget(at, "text_input", "loads").set_value("1, x").run()
        assert "Loads 1, x: give numbers with commas between them" in words(at)
        assert at.button(key="lab_measure").disabled
        widget(at, "text_input", "loads").set_value("1, 4").run()
        assert at.query_params["loads"] in ("1, 4", ["1, 4"])
        at.button(key="lab_measure").click().run()
        assert rungs(store) == ["one by one", "4 in flight"]

    def test_a_viewer_sees_it_all_and_starts_nothing(
        self, open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RUNG_READ_ONLY", "1")
        save_recipe(store, "mine", Recipe.of([("continuous_batching", {})]))
        at = open_page("lab")
        said = words(at)
        assert "neither measure nor save: this studio is read-only for you" in said
        assert "Planned:" in said
        assert {"lab_measure", "lab_save", "lab_forget"}.isdisjoint(str(each.key) for each in at.button)
        at.button(key="lab_load").click().run()
        assert is_on(at) == ["continuous_batching"]

    def test_a_link_to_a_model_that_is_not_here_downloads_nothing(
        self, open_page: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.engine.hub.cached", lambda _: None)
        monkeypatch.setattr("app.engine.hub.download", lambda name: pytest.fail(f"{name} was downloaded"))
        draft = {"speculative_decoding": {"method": "draft_model", "draft_model": "org/huge"}}
        at = open_page("lab", recipe=json.dumps(draft))
        assert "model 'org/huge' is not on this machine" in words(at)

    def test_a_viewer_loads_no_model_for_a_preview(self, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        chosen = json.dumps({"context_selection": {}})
        assert "lab_preview" in {str(each.key) for each in open_page("lab", recipe=chosen).button}
        monkeypatch.setenv("RUNG_READ_ONLY", "1")
        at = open_page("lab", recipe=chosen)
        assert "lab_preview" not in {str(each.key) for each in at.button}
        assert "A preview loads models onto this machine" in words(at)

    def test_the_price_of_the_hardware_is_measured_with_and_in_the_link(self, open_page: Open, store: Store) -> None:
        at = open_page("lab", hardware_usd_per_hour="2.5", recipe='{"continuous_batching":{}}')
        assert widget(at, "number_input", "price").value == 2.5
        at.button(key="lab_measure").click().run()
        assert store.experiments.recent(1)[0].spec["price_per_hour"] == 2.5

    def test_sampling_and_engine_are_measured_with_and_in_the_link(self, open_page: Open, store: Store) -> None:
        at = open_page("lab", recipe='{"continuous_batching":{}}')
        folded = next(each for each in at.expander if each.label == "Sampling and engine")
        assert not folded.proto.expanded
        widget(at, "number_input", "max_tokens").set_value(12)
        widget(at, "number_input", "temperature").set_value(0.7)
        widget(at, "number_input", "warm_up").set_value(0)
        widget(at, "number_input", "kv_cache_gib").set_value(0.5)
        widget(at, "selectbox", "dtype").set_value("float32").run()
        assert not at.exception
        assert at.query_params["max_tokens"] in ("12", ["12"])
        at.button(key="lab_measure").click().run()
        spec = store.experiments.recent(1)[0].spec
        assert (spec["sampling"]["max_tokens"], spec["sampling"]["temperature"], spec["warm_up"]) == (12, 0.7, 0)
        assert (spec["engine"]["kv_cache_gib"], spec["engine"]["dtype"]) == (0.5, "float32")
        assert spec["engine"]["max_model_len"] is None

    def test_what_takes_long_is_not_offered_to_a_viewer(self, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        both = json.dumps({"prefix_caching": {}, "context_selection": {}})
        assert "lab_foretell" in {str(each.key) for each in open_page("lab", recipe=both).checkbox}
        monkeypatch.setenv("RUNG_READ_ONLY", "1")
        assert "lab_foretell" not in {str(each.key) for each in open_page("lab", recipe=both).checkbox}


class TestLinks:
    def test_a_link_shows_what_it_says(self, open_page: Open) -> None:
        at = open_page(
            "lab", kind="one_at_a_time", send="unique", first="5", repeats="2", load="poisson", rate="3.5",
            recipe='{"continuous_batching":{"max_num_seqs":4},"speculative_decoding":{}}',
        )  # fmt: skip
        assert is_on(at) == ["continuous_batching", "speculative_decoding"]
        assert widget(at, "selectbox", "prompts").value == "unique"
        assert widget(at, "number_input", "limit_unique").value == 5
        assert widget(at, "number_input", "rate").value == 3.5
        assert widget(at, "number_input", "starter_continuous_batching_max_num_seqs").value == 4
        assert "one at a time, 4 rungs × 2 repeats" in words(at)

    def test_another_link_in_the_same_tab_is_shown_too(self, open_page: Open) -> None:
        at = open_page("lab")
        toggle(at, "continuous_batching")
        at.query_params["recipe"] = '{"speculative_decoding":{}}'
        at.run()
        assert is_on(at) == ["speculative_decoding"]

    def test_a_link_to_what_is_not_here_says_so_and_shows_the_rest(self, open_page: Open) -> None:
        at = open_page("lab", serve="gone", recipe='{"nothing":{},"continuous_batching":{}}')
        said = words(at)
        assert "The link names the model 'gone', which is not here; starter is shown instead." in said
        assert "The link's recipe: there is no technique 'nothing'" in said
        assert is_on(at) == ["continuous_batching"]

    def test_who_comes_back_finds_what_was_left(self, open_page: Open) -> None:
        at = open_page("lab")
        toggle(at, "continuous_batching")
        at.switch_page("../pages/ladder.py").run()
        at.switch_page("../pages/lab.py").run()
        assert is_on(at) == ["continuous_batching", "prefix_caching"]
        assert list(recipe_in_link(at)) == ["prefix_caching", "continuous_batching"]

    def test_a_set_without_the_usual_number_of_prompts(self, open_page: Open, store: Store) -> None:
        at = open_page("lab", send="long-chat", first="1000000")
        size = next(row.size for row in store.prompt_sets.all() if row.name == "long-chat")
        assert widget(at, "number_input", "limit_long-chat").value == size


class TestRecipes:
    def test_it_is_saved_by_name_and_loaded_again(self, open_page: Open, store: Store) -> None:
        at = open_page("lab", recipe='{"continuous_batching":{"max_num_seqs":4}}')
        at.text_input(key="lab_save_as").set_value("four").run()
        at.button(key="lab_save").click().run()
        assert "Saved as “four”" in words(at)
        (use,) = saved_recipes(store)["four"]["recipe"]
        assert (use["technique"], use["settings"]["max_num_seqs"]) == ("continuous_batching", 4)
        at.button(key="lab_none").click().run()
        at.button(key="lab_load").click().run()
        assert recipe_in_link(at) == {"continuous_batching": {"max_num_seqs": 4}}
        assert widget(at, "number_input", "starter_continuous_batching_max_num_seqs").value == 4
        at.button(key="lab_forget").click().run()
        assert saved_recipes(store) == {}

    def test_a_name_that_cannot_be_is_told(self, open_page: Open, store: Store) -> None:
        at = open_page("lab")
        at.button(key="lab_save").click().run()
        assert "a recipe's name has 1 to 80 printable characters" in words(at)
        assert saved_recipes(store) == {}

    def test_a_saved_one_that_can_no_longer_be_read_is_told(self, open_page: Open, store: Store) -> None:
        store.saved.keep("recipe", "old", {"recipe": ["gone"]})
        at = open_page("lab")
        at.button(key="lab_load").click().run()
        assert "there is no technique 'gone'" in words(at)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"[", "mine.json is not JSON"),
            (b"\xff\xfe", "mine.json is no text in UTF-8"),
            (b'["nothing"]', "There is no technique 'nothing'"),
        ],
    )
    def test_a_file_that_holds_none_is_told_in_one_line(self, open_page: Open, content: bytes, said: str) -> None:
        at = open_page("lab")
        at.file_uploader[0].upload("mine.json", content, "application/json").run()
        assert said in words(at)
        assert is_on(at) == ["prefix_caching"]

    def test_a_recipe_file_is_loaded(self, open_page: Open) -> None:
        at = open_page("lab")
        at.file_uploader[0].upload("mine.json", b'["speculative_decoding"]', "application/json").run()
        assert is_on(at) == ["speculative_decoding"]
        # What a file does not say is the technique's default, and not what comes with the model.
        assert widget(at, "selectbox", "starter_speculative_decoding_method").value == "ngram"


class TestPreview:
    @pytest.fixture(autouse=True)
    def real(self, starter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Tokens are counted by a real tokenizer."""
        monkeypatch.setattr("store.settings.STARTER_MODELS", ROOT / "starter" / "models")

    def test_without_a_technique_that_changes_prompts_it_says_what_to_do(self, open_page: Open) -> None:
        at = open_page("lab")
        assert "Turn on a technique that sends fewer tokens" in words(at)
        assert "lab_preview" not in [each.key for each in at.button]

    def test_it_shows_dropped_words_tokens_and_a_price(self, open_page: Open) -> None:
        at = open_page("lab", recipe='{"prefix_caching":{},"context_selection":{"top_k":1}}')
        at.button(key="lab_preview").click().run()
        assert not at.exception
        assert "~~" in words(at)
        before = [metric.label for metric in at.metric]
        assert before[0] == "Tokens by starter"
        at.selectbox(key="lab_priced").select("gpt-4o-mini").run()
        assert [metric.label for metric in at.metric][2] == "1\\,000 prompts at gpt 4o mini"
        assert at.metric[2].value.startswith("\\$0.")
        toggle(at, "prefix_caching", False)
        assert len(at.metric) == 4
        widget(at, "number_input", "starter_context_selection_top_k").set_value(2).run()
        assert not at.metric

    def test_the_prompt_and_the_price_are_in_the_link_and_stay_there(self, open_page: Open) -> None:
        link = {"recipe": '{"context_selection":{"top_k":1}}', "preview_prompt": "support-desk-007"}
        at = open_page("lab", **link, priced_as="gpt-4o-mini")
        assert at.selectbox(key="chosen_preview_prompt").value == "support-desk-007"
        assert at.selectbox(key="lab_priced").value == "gpt-4o-mini"
        widget(at, "number_input", "starter_context_selection_top_k").set_value(2).run()
        assert at.selectbox(key="chosen_preview_prompt").value == "support-desk-007"
        at.selectbox(key="chosen_preview_prompt").select("support-desk-003").run()
        assert at.query_params["preview_prompt"] in ("support-desk-003", ["support-desk-003"])
        assert at.query_params["priced_as"] in ("gpt-4o-mini", ["gpt-4o-mini"])

    def test_foretelling_tells_how_far_it_is_and_what_the_cache_will_serve(
        self, open_page: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        progress = DeltaGenerator.progress

        def listen(self: DeltaGenerator, value: float, text: str | None = None, **more: Any) -> DeltaGenerator:
            told.append(str(text))
            return progress(self, value, text, **more)

        monkeypatch.setattr(DeltaGenerator, "progress", listen)
        at = open_page("lab", recipe='{"prefix_caching":{},"context_selection":{"top_k":1}}')
        at.checkbox(key="lab_foretell").check().run()
        assert not at.exception
        assert told[-1] == "16 of 16 prompts changed"
        assert not at.get("progress")
        assert "of the prompts' tokens as saved and " in words(at)

    def test_what_the_served_model_writes_is_not_foreseen(self, open_page: Open) -> None:
        at = open_page("lab", send="long-chat", recipe='{"history_summary":{}}')
        assert "History summary: written by the served model, so only a run shows it." in words(at)
        assert "lab_preview" not in [each.key for each in at.button]
