"""Recorded experiments on the pages: there at first, marked wherever they are shown, never called one's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.interchange.recording_file import read_recording, record, save_recording
from store.settings import ROOT, Settings
from store.store import Store
from tests.pages import factory
from tests.pages.conftest import Open, label_of, words

BUNDLE = ROOT / "starter" / "recorded"
MARK = f"Recorded on {factory.MACHINE}"


@pytest.fixture
def recorded(store: Store, settings: Settings, tmp_path: Path) -> int:
    """The only experiment of the store: a ladder that was taken in."""
    own = factory.finished(store)
    path = tmp_path / "x.rung.json.gz"
    path.write_bytes(record(store, settings, own))
    store.experiments.remove(own)
    number = save_recording(store, *read_recording(path), path.name)
    assert number is not None
    return number


@pytest.mark.usefixtures("starter")
def test_an_empty_studio_opens_on_the_recorded_ladder(
    open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.interchange.bundled.FOLDER", BUNDLE)
    at = open_page("home")
    assert "Recorded ladder" in [header.value for header in at.header]
    assert "Recorded on AMD EPYC, 2 cores, 24 GiB, 2026-11-25" in words(at)
    assert "an answered request costs 0.28x the baseline's" in words(at)
    said = "no estimate yet: nothing has been measured here. The recorded ladder, 1,536 requests, took 7 min 38 s"
    assert said in words(at)
    open_page("home")
    assert len(store.experiments.recent()) == len(list(BUNDLE.glob("*.rung.json.gz")))


@pytest.mark.parametrize("page", ["ladder", "reports", "compare", "what_if"])
def test_the_recorded_ladder_is_experiment_1_and_what_pages_open_but_for_what_if(
    open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setattr("app.interchange.bundled.FOLDER", BUNDLE)
    opening = {"what_if": "4"}.get(page, "1")
    assert str(open_page(page).selectbox[0].value).partition(".")[0] == opening
    own = factory.finished(store, prompts=4)
    assert str(open_page(page).selectbox[0].value).partition(".")[0] == str(own)


@pytest.mark.usefixtures("starter", "recorded")
def test_home_shows_ones_own_ladder_first(open_page: Open, store: Store) -> None:
    assert MARK in words(open_page("home"))
    factory.finished(store)
    at = open_page("home")
    assert "Latest ladder" in [header.value for header in at.header]
    assert MARK not in words(at)


@pytest.mark.parametrize("page", ["ladder", "reports"])
def test_an_experiment_is_marked_and_can_be_removed(open_page: Open, store: Store, recorded: int, page: str) -> None:
    at = open_page(page, experiment=str(recorded))
    assert MARK in words(at)
    assert any("· recorded" in option for option in at.selectbox[0].options)
    at.button[label_of(at, "Remove this recorded experiment")].click().run()
    assert not at.exception
    assert store.experiments.recent() == []


@pytest.mark.parametrize("page", ["ladder", "reports"])
def test_a_viewer_cannot_remove_it(open_page: Open, recorded: int, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNG_READ_ONLY", "1")
    at = open_page(page, experiment=str(recorded))
    assert MARK in words(at)
    assert not [button.label for button in at.button if "Remove" in button.label]


def test_ones_own_experiment_has_no_mark(open_page: Open, store: Store) -> None:
    at = open_page("ladder", experiment=str(factory.finished(store)))
    assert "Recorded" not in words(at)
    assert "Remove" not in [button.label for button in at.button]


@pytest.mark.usefixtures("recorded")
def test_what_if_says_that_its_figures_were_measured_elsewhere(open_page: Open, store: Store) -> None:
    at = open_page("what_if")
    assert MARK in words(at)
    assert all(option.endswith("(recorded)") for option in at.selectbox[0].options)
    factory.finished(store)
    assert MARK not in words(open_page("what_if")), "one's own are what it begins with"


@pytest.mark.usefixtures("recorded")
def test_compare_names_what_is_recorded(open_page: Open) -> None:
    assert all("(recorded)" in option for option in open_page("compare").selectbox[0].options)


def test_what_if_begins_with_the_recorded_load_sweeps(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.interchange.bundled.FOLDER", BUNDLE)
    at = open_page("what_if")
    said = words(at)
    assert [box.value for box in at.selectbox[:2]] == ["4", "5"]
    assert "There is no load sweep" not in said
    assert "not answered" not in said
    assert at.metric


def test_what_if_begins_with_the_rung_that_a_ladder_leads_with(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(BUNDLE / "ladder.rung.json.gz", tmp_path)
    monkeypatch.setattr("app.interchange.bundled.FOLDER", tmp_path)
    at = open_page("what_if")
    # The last rung, prompt compression, lost nine answers of ten.
    assert [box.value for box in at.selectbox[:2]] == ["1.0", "1.6"]


def test_compare_begins_with_the_rung_that_a_ladder_leads_with(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.interchange.bundled.FOLDER", BUNDLE)
    at = open_page("compare")
    assert at.multiselect(key="chosen_with").value == ["1.6", "1.2", "1.3"]
    at = open_page("compare", baseline="5.0")
    assert [key.partition(".")[0] for key in at.multiselect(key="chosen_with").value] == ["5", "5", "5"]
