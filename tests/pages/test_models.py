"""Models: what is there, adding one, and asking for an engine; the worker, not the page, starts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.experiments import PlannedRun
from store.store import Store
from tests.pages.conftest import Open, label_of, unfolded, words

CARD = """---
license: cc0-1.0
---
# The starter model

A Llama that
looks things up.

Trained with care.
"""


def test_without_models_the_page_says_what_is_missing(open_page: Open) -> None:
    at = open_page("models")
    states = dict(zip(at.dataframe[0].value["Model"], at.dataframe[0].value["State"], strict=True))
    assert states["starter"].endswith("target is missing; restore it with: git checkout -- starter/models")
    assert "draft is missing" in states["starter-draft"]
    assert "There is no usable model yet" in words(at)
    assert "Processor: " in words(at)


def test_the_starter_models_say_what_they_are_and_are_not(open_page: Open, starter: Path) -> None:
    assert "They are no assistants." in words(open_page("models"))
    (starter / "README.md").write_text(CARD)
    at = open_page("models")
    assert at.expander[0].label == "About the starter models"
    assert "**starter**: A Llama that looks things up." in words(at)
    assert "Trained with care" not in words(at)


@pytest.mark.parametrize("name", ["starter", "starter-draft"])
def test_a_built_in_name_is_taken(open_page: Open, store: Store, model: Path, name: str) -> None:
    at = open_page("models")
    at.text_input[0].set_value(str(model))
    at.text_input[1].set_value(name)
    at.button[label_of(at, "Add")].click().run()
    assert "is a built-in model's" in words(at)
    assert not store.models.all()


@pytest.mark.usefixtures("starter")
def test_a_model_is_described(open_page: Open) -> None:
    row = open_page("models").dataframe[0].value.iloc[0]
    assert row["Model"] == "starter"
    assert row["Architecture"] == "LlamaForCausalLM"
    assert row["Context"] == "2,048 tokens"
    assert row["Chat template"] == "yes"
    assert row["KV cache"] == "0.2 KiB a token"


def test_a_folder_is_added_under_a_name(open_page: Open, store: Store, model: Path) -> None:
    at = open_page("models")
    at.text_input[0].set_value(str(model))
    at.text_input[1].set_value("mine")
    at.button[label_of(at, "Add")].click().run()
    assert not at.exception
    assert "Added mine." in words(at)
    saved = store.models.find("mine")
    assert saved is not None
    assert saved.location == str(model)
    assert list(at.dataframe[0].value["Model"]) == ["starter", "starter-draft", "mine"]


@pytest.mark.parametrize("given", ["", "/no/such/folder", "no such folder"])
def test_what_is_no_model_is_refused_in_one_line(open_page: Open, store: Store, given: str) -> None:
    at = open_page("models")
    at.text_input[0].set_value(given)
    at.button[label_of(at, "Add")].click().run()
    assert not at.exception
    assert len(at.error) == 1
    assert "\n" not in at.error[0].value
    assert not store.models.all()


@pytest.mark.usefixtures("starter")
def test_an_engine_is_asked_for_in_the_store(open_page: Open, store: Store) -> None:
    store.workers.register(1, 0.0, "here")
    at = open_page("models")
    at.multiselect[0].select("prefix_caching")
    at.button[label_of(at, "Start engine")].click().run()
    assert not at.exception
    row = store.engines.latest("person")
    assert row is not None
    assert (row.status, row.spec) == ("requested", {"model": "starter", "recipe": ["prefix_caching"]})
    assert "requested" in words(at)


@pytest.mark.usefixtures("starter")
def test_a_ready_engine_shows_its_address_and_log_and_can_be_stopped(
    open_page: Open, store: Store, tmp_path: Path
) -> None:
    store.workers.register(1, 0.0, "here")
    log = tmp_path / "engine-1.log"
    log.write_text("loading\nready\n")
    engine = store.engines.request({"model": "starter", "recipe": []})
    plan = {"notes": ["the context is cut from 4,096 to 512 tokens"]}
    store.engines.launched(engine, 1, 0.0, "http://127.0.0.1:4321", str(log), plan)
    store.engines.ready(engine, "http://127.0.0.1:4321")
    at = open_page("models")
    assert "The context is cut from 4,096 to 512 tokens." in words(at)
    assert "http://127.0.0.1:4321/v1" in words(at)
    assert at.code[0].value == "loading\nready"
    at.button[label_of(at, "Stop engine")].click().run()
    row = store.engines.get(engine)
    assert row is not None
    assert row.stop_requested
    assert "stopping" in words(at)


@pytest.mark.usefixtures("starter")
def test_an_engine_that_failed_says_why(open_page: Open, store: Store) -> None:
    engine = store.engines.request({"model": "starter", "recipe": []})
    store.engines.stopped(engine, "the engine ended: this architecture is not supported")
    at = open_page("models")
    assert "this architecture is not supported" in words(at)
    assert "Stop engine" not in [button.label for button in at.button]


@pytest.mark.usefixtures("starter")
def test_an_engine_left_by_a_dead_worker_is_not_called_ready(open_page: Open, store: Store) -> None:
    engine = store.engines.request({"model": "starter", "recipe": []})
    store.engines.ready(engine, "http://127.0.0.1:4321")
    at = open_page("models")
    assert "interrupted" in words(at)
    assert "was up" in words(at)
    assert "4321" not in words(at)


@pytest.mark.usefixtures("starter")
def test_the_fit_is_a_link(open_page: Open) -> None:
    at = open_page("models", fit_model="starter-draft", fit_context="1024", fit_requests="3")
    assert "Fits with 3 requests of 1,024 tokens; the most is" in words(at)
    assert "KV cache" in list(at.table[0].value["Part"])


@pytest.mark.usefixtures("starter")
def test_what_fits_and_would_be_refused_has_no_green_sign(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ":green[:material/check_circle:] **Fits" in words(open_page("models"))
    monkeypatch.setattr("app.studio.model_fit_form.refusals", lambda *given: ["An engine here would refuse it: so."])
    said = words(open_page("models"))
    assert "**Fits" in said
    assert ":green[:material/check_circle:] **Fits" not in said
    assert "An engine here would refuse it: so." in said


@pytest.mark.usefixtures("starter")
def test_a_context_beyond_the_models_own_is_one_line(open_page: Open) -> None:
    at = open_page("models", fit_context="4096")
    assert "the context is 4,096 tokens, but starter was made for 2,048" in words(at)


@pytest.mark.usefixtures("starter")
def test_viewers_change_nothing_and_see_no_folder(
    open_page: Open, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNG_READ_ONLY", "1")
    store.models.add("gone", str(tmp_path / "gone"))
    store.workers.register(1, 0.0, "here")
    log = tmp_path / "engine-1.log"
    log.write_text(f"loading {tmp_path}")
    engine = store.engines.request({"model": "starter", "recipe": []})
    store.engines.launched(engine, 1, 0.0, "http://127.0.0.1:4321", str(log), {})
    store.engines.ready(engine, "http://127.0.0.1:4321")
    at = open_page("models")
    assert (list(at.button), list(at.text_input), list(at.text_area), list(at.code)) == ([], [], [], [])
    assert "ready" in words(at)
    assert "4321" not in words(at)
    assert not any(str(tmp_path) in state for state in at.dataframe[0].value["State"])


def test_a_saved_model_is_removed(open_page: Open, store: Store, model: Path) -> None:
    assert "forget_button" not in {button.key for button in open_page("models").button}
    store.models.add("mine", str(model))
    at = unfolded(open_page("models"), "forget_box")
    assert "Only the name goes; the files stay where they are." in words(at)
    at.button(key="forget_button").click().run()
    assert not at.exception
    assert store.models.find("mine") is None
    assert "mine" not in list(at.dataframe[0].value["Model"])
    assert (model / "config.json").is_file()


def test_a_model_that_waits_to_be_measured_is_not_offered_for_removal(
    open_page: Open, store: Store, model: Path
) -> None:
    store.models.add("mine", str(model))
    number = store.experiments.enqueue("run", "t", {"model": "mine"}, [PlannedRun(0, 0, "Baseline", [], 1)])
    at = unfolded(open_page("models"), "forget_box")
    assert f"experiment {number} runs with mine or waits to; cancel it first." in words(at)
    assert "forget_button" not in {button.key for button in at.button}
