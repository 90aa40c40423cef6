"""Demo in each state: empty, filled, running, linked wrongly; and it changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.interchange.recording_file import read_recording, record, save_recording
from store.settings import Settings
from store.store import Store
from tests.pages import factory
from tests.pages.conftest import Open, label_of, words


def large(at: AppTest) -> str:
    return "\n".join(element.proto.body for element in at.get("html"))


def test_an_empty_store_points_home(open_page: Open) -> None:
    assert "Nothing has been measured yet" in words(open_page("demo"))


def test_steps_by_buttons_and_by_link(open_page: Open, store: Store) -> None:
    number = factory.finished(store)
    at = open_page("demo")
    assert "What it is worth" in large(at)
    assert "1 of 7" in words(at)
    at.button[label_of(at, "Next")].click().run()
    assert "Prefix caching" in large(at)
    assert at.query_params["step"] == "2"
    at.button[label_of(at, "Back")].click().run()
    at.button[label_of(at, "Back")].click().run()
    assert "How it was measured" in large(at)
    linked = open_page("demo", experiment=str(number), step="5")
    assert "Measured against the article" in large(linked)
    assert "One prompt, before and after" in large(open_page("demo", step="6"))
    assert "What it is worth" in large(open_page("demo", step="99"))


def test_prompts_and_answers_can_be_left_out(open_page: Open, store: Store) -> None:
    number = factory.finished(store)
    at = open_page("demo", experiment=str(number), texts="none")
    assert "1 of 6" in words(at)
    for _ in range(6):
        assert "One prompt, before and after" not in large(at)
        at.button[label_of(at, "Next")].click().run()
        assert at.query_params["texts"] in ("none", ["none"])
    at.button(key="demo_visibility").click().run()
    assert "texts" not in at.query_params
    assert "1 of 7" in words(at)


@pytest.mark.parametrize("kind", ["one_at_a_time", "leave_one_out", "factorial"])
def test_every_kind_can_be_walked_through(open_page: Open, store: Store, kind: str) -> None:
    factory.finished(store, kind=kind, prompts=6)
    at = open_page("demo")
    last = int(next(text for text in words(at).splitlines() if " of " in text and text[0].isdigit()).split()[-1])
    for _ in range(last):
        at.button[label_of(at, "Next")].click().run()
        assert not at.exception
    assert "What it is worth" in large(at)


def test_playing_turns_by_itself_and_pauses(open_page: Open, store: Store) -> None:
    factory.finished(store)
    at = open_page("demo", play="10")
    at.session_state["demo_turn_at"] = 0.0
    at.run()
    assert "2 of 7" in words(at)
    at.run()
    assert "2 of 7" in words(at), "a slide stands its whole time"
    at.button[label_of(at, "Pause")].click().run()
    assert "play" not in at.query_params
    at.session_state["demo_turn_at"] = 0.0
    at.run()
    assert "2 of 7" in words(at)
    at.button[label_of(at, "Play")].click().run()
    assert at.query_params["play"] == "12"


def test_a_newly_finished_experiment_takes_over(open_page: Open, store: Store) -> None:
    factory.finished(store)
    at = open_page("demo", experiment="latest", step="3", play="10")
    assert "3 of 7" in words(at)
    factory.finished(store, kind="one_at_a_time")
    at.run()
    assert "One at a time" in words(at)
    assert words(at).count("1 of ") == 1


def test_what_runs_is_shown_above(open_page: Open, store: Store) -> None:
    factory.running(store)
    at = open_page("demo")
    assert "Measuring now:" in words(at)
    assert "The first measurement is running" in large(at)
    assert at.get("progress")
    factory.finished(store)
    at = open_page("demo")
    assert "Measuring now:" in words(at)
    assert "What it is worth" in large(at)


def test_a_recorded_experiment_says_so(open_page: Open, store: Store, settings: Settings, tmp_path: Path) -> None:
    own = factory.finished(store)
    path = tmp_path / "x.rung.json.gz"
    path.write_bytes(record(store, settings, own))
    store.experiments.remove(own)
    save_recording(store, *read_recording(path), path.name)
    assert f"Recorded on {factory.MACHINE}" in words(open_page("demo"))


@pytest.mark.parametrize("experiment", ["77", "1"])
def test_what_cannot_be_shown_is_told(open_page: Open, store: Store, experiment: str) -> None:
    factory.stopped(store, "failed", "no memory")
    at = open_page("demo", experiment=experiment)
    assert f"Experiment {experiment} cannot be shown" in words(at)
    at.button[label_of(at, "Show the latest one")].click().run()
    assert "Nothing has been measured yet" in words(at)


def test_a_link_that_cannot_be_read_whole(open_page: Open, store: Store) -> None:
    factory.finished(store)
    at = open_page("demo", play="fast")
    assert "play is a number of seconds from 3 to 600" in words(at)
    assert "What it is worth" in large(at)


def test_on_a_wall_there_is_a_way_back_to_the_menu(open_page: Open, store: Store) -> None:
    factory.finished(store)
    at = open_page("demo", kiosk="1", step="2", play="10")
    assert not at.selectbox
    at.button[label_of(at, "Show menu")].click().run()
    assert at.query_params == {"experiment": "latest", "step": "2"}
    assert at.selectbox[0].options[0] == "The latest, whatever it is"
    at.button[label_of(at, "Endless, for a wall")].click().run()
    assert at.query_params == {"experiment": "latest", "play": "12", "kiosk": "1"}


def test_a_slide_has_a_link_of_its_own(open_page: Open, store: Store) -> None:
    number = factory.finished(store)
    at = open_page("demo", step="3")
    at.button[label_of(at, "This slide as a link")].click().run()
    assert at.query_params == {"experiment": str(number), "step": "3"}


def test_another_experiment_is_chosen(open_page: Open, store: Store) -> None:
    first = factory.finished(store)
    factory.finished(store, kind="one_at_a_time")
    at = open_page("demo", step="2")
    at.selectbox[0].select(str(first)).run()
    assert at.query_params["experiment"] == str(first)
    assert "1 of 7" in words(at)


def test_nothing_is_changed(open_page: Open, store: Store) -> None:
    factory.finished(store)
    at = open_page("demo")
    assert {button.label for button in at.button} == {
        "Back", "Next", "Play", "This slide as a link", "Endless, for a wall", "Without prompts and answers",
    }  # fmt: skip


def test_a_link_reaches_beyond_the_list(open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    old = factory.finished(store)
    factory.finished(store)
    newest = store.experiments.recent(1)
    monkeypatch.setattr(type(store.experiments), "recent", lambda *_: newest)
    at = open_page("demo", experiment=str(old))
    assert not at.error
    assert open_page("demo", experiment="98765").error
