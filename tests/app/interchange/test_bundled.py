"""The recordings that come with Rung: there at first, marked, gone for good once removed."""

from __future__ import annotations

import gzip
import re
import shutil
from pathlib import Path

import pytest

from app.experiment.results import load_ladder
from app.interchange.bundled import offer_recordings
from app.interchange.recording_file import ENDING, read_recording, try_out
from app.prompts.saved import save_starter_sets
from store.settings import ROOT, Settings
from store.store import Store
from tests.pages import factory

BUNDLE = ROOT / "starter" / "recorded"
FILES = sorted(BUNDLE.glob(f"*{ENDING}"))
ABSOLUTE = re.compile(r"""(?<![\w.<:/\\])/[a-z]+/[^"\s]*""")
"""A path from the root of some machine's disk."""


@pytest.fixture
def bundle(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.interchange.bundled.FOLDER", BUNDLE)


@pytest.mark.usefixtures("bundle")
def test_an_empty_store_is_given_them_once(store: Store) -> None:
    save_starter_sets(store)
    sets = len(store.prompt_sets.all())
    assert offer_recordings(store) == []
    found = store.experiments.recent()
    assert {row.kind for row in found} == {"ladder", "leave_one_out", "factorial", "sweep"}
    assert (found[-1].id, found[-1].kind) == (1, "ladder")
    assert all(row.spec["recorded"]["machine"] for row in found)
    assert len(store.prompt_sets.all()) == sets, "the starter sets are those that were measured"
    offer_recordings(store)
    assert len(store.experiments.recent()) == len(FILES)


@pytest.mark.usefixtures("bundle")
def test_what_was_removed_stays_away(store: Store) -> None:
    offer_recordings(store)
    *others, ladder = store.experiments.recent()
    store.experiments.remove(ladder.id)
    offer_recordings(store)
    assert [row.id for row in store.experiments.recent()] == [other.id for other in others]
    assert store.runs.of_experiment(ladder.id) == []


@pytest.mark.usefixtures("bundle")
def test_a_store_with_experiments_of_its_own_is_left_alone(store: Store) -> None:
    own = factory.queued(store)
    offer_recordings(store)
    assert [row.id for row in store.experiments.recent()] == [own]


@pytest.mark.usefixtures("bundle")
def test_ones_own_ladder_goes_before_a_recorded_one(store: Store) -> None:
    offer_recordings(store)
    recorded = store.experiments.latest("done", "ladder")
    assert recorded is not None
    assert "recorded" in recorded.spec
    own = factory.finished(store, prompts=4)
    latest = store.experiments.latest("done", "ladder")
    assert latest is not None
    assert latest.id == own


def test_a_damaged_one_is_told_and_stops_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.interchange.bundled.FOLDER", tmp_path)
    shutil.copy(BUNDLE / f"leave-one-out{ENDING}", tmp_path)
    (tmp_path / f"ladder{ENDING}").write_bytes((BUNDLE / f"ladder{ENDING}").read_bytes()[:5000])
    (problem,) = offer_recordings(store)
    assert "cut short" in problem
    assert [row.kind for row in store.experiments.recent()] == ["leave_one_out"]


def test_the_bundle_is_small_and_names_no_machine() -> None:
    assert FILES
    assert sum(path.stat().st_size for path in FILES) < 2**20
    for path in FILES:
        text = gzip.decompress(path.read_bytes()).decode()
        assert not ABSOLUTE.findall(text), path.name
        for folder in ("home", "root", "tmp", "work", "usr", "data"):
            assert f"/{folder}/" not in text, path.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_a_whole_recording(path: Path) -> None:
    recording, _ = read_recording(path)
    try_out(recording, str(path))
    assert recording.copy.spec["repeats"] >= 3


@pytest.mark.usefixtures("bundle")
def test_the_recorded_ladder_has_every_technique_and_its_proof(store: Store) -> None:
    offer_recordings(store)
    recorded = store.experiments.latest("done", "ladder")
    assert recorded is not None
    ladder = load_ladder(store, recorded.id)
    assert len(ladder.rungs) == 8
    assert all(rung.cost is not None and rung.metrics["quality"] is not None for rung in ladder.rungs)
    assert all(rung.evidence for rung in ladder.rungs if rung.adds)
