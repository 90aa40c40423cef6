"""A whole experiment in one file: the same figures elsewhere, nothing of the machine, and nothing of a bad file."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.analysis.compare import Comparison, compare
from app.analysis.ladder import RungResult
from app.experiment.measure import load_records
from app.experiment.queue import enqueue
from app.experiment.results import load_ladder, measured_loads, prompts_of, rung_data
from app.experiment.spec import ExperimentSpec, Rung
from app.interchange.nameless import nameless
from app.interchange.read import read_results
from app.interchange.recording_file import packed, read_recording, record, save_recording, try_out
from app.interchange.save import save_import
from app.replay.load import LoadProfile
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.database import sqlite_url
from store.prompt_sets import NewPromptSet
from store.settings import Settings
from store.store import Store
from tests.pages import factory

Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(sqlite_url(tmp_path / "elsewhere.db"))
    yield opened
    opened.close()


def taken_over(store: Store, settings: Settings, experiment: int, other: Store, folder: Path) -> int:
    path = folder / "x.rung.json.gz"
    path.write_bytes(record(store, settings, experiment))
    recording, sha256 = read_recording(path)
    try_out(recording, "x")
    number = save_recording(other, recording, sha256, path.name)
    assert number is not None
    return number


def rungs_of(store: Store, experiment: int) -> list[RungResult]:
    return [replace(rung, run_ids=()) for rung in load_ladder(store, experiment).rungs]


def compared(store: Store, experiment: int) -> Comparison:
    runs, asked = store.runs.of_experiment(experiment), prompts_of(store, experiment)
    before, after = (rung_data(store, [run for run in runs if run.rung == rung], asked) for rung in (0, 2))
    return compare(before, after)


def document_of(store: Store, settings: Settings, **options: Any) -> dict[str, Any]:
    content = record(store, settings, factory.finished(store, prompts=4, **options))
    document: dict[str, Any] = json.loads(gzip.decompress(content))
    return document


@pytest.mark.parametrize("kind", ["ladder", "factorial", "leave_one_out"])
def test_the_ladder_and_the_comparisons_are_equal_elsewhere(
    store: Store, settings: Settings, elsewhere: Store, tmp_path: Path, kind: str
) -> None:
    factory.queued(store)
    own = factory.finished(store, kind=kind, failures=1)
    theirs = taken_over(store, settings, own, elsewhere, tmp_path)
    assert theirs != own
    assert rungs_of(elsewhere, theirs) == rungs_of(store, own)
    assert load_ladder(elsewhere, theirs).effects == load_ladder(store, own).effects
    assert load_ladder(elsewhere, theirs).noise == load_ladder(store, own).noise
    assert compared(elsewhere, theirs) == compared(store, own)
    for mine, copied in zip(store.runs.of_experiment(own), elsewhere.runs.of_experiment(theirs), strict=True):
        assert load_records(store, mine.id) == load_records(elsewhere, copied.id)
        assert mine.summary == copied.summary
        assert [s.observed for s in store.runs.segments(mine.id)] == [
            s.observed for s in elsewhere.runs.segments(copied.id)
        ]


def test_a_recording_of_a_recording_is_the_same_file(
    store: Store, settings: Settings, elsewhere: Store, tmp_path: Path
) -> None:
    own = factory.finished(store)
    theirs = taken_over(store, settings, own, elsewhere, tmp_path)
    assert record(elsewhere, settings, theirs) == record(store, settings, own)


def test_what_is_taken_in_is_marked(store: Store, settings: Settings, elsewhere: Store, tmp_path: Path) -> None:
    number = taken_over(store, settings, factory.finished(store), elsewhere, tmp_path)
    mark = elsewhere.experiments.get(number).spec["recorded"]
    assert (mark["machine"], mark["version"]) == (factory.MACHINE, "0.1.0")
    assert len(mark["date"]) == len("2026-11-25")
    for run in elsewhere.runs.of_experiment(number):
        assert run.manifest is not None
        assert run.manifest["recorded"]["machine"] == factory.MACHINE


def test_a_sweep_comes_over_too(store: Store, settings: Settings, elsewhere: Store, tmp_path: Path) -> None:
    own = factory.queued(store, prompts=4, repeats=1, keys=["prefix_caching"])
    row = store.experiments.get(own)
    spec = ExperimentSpec.from_json(row.spec)
    loads = [LoadProfile("closed_loop", width) for width in (1, 2, 4)]
    rungs = tuple(Rung(f"{load.concurrency} in flight", Recipe(), load) for load in loads)
    sweep = replace(spec, kind="sweep", rungs=rungs)
    store.experiments.request_cancel(own)
    own = enqueue(store, sweep, "Sweep")
    store.experiments.claim(own)
    for run in store.runs.of_experiment(own):
        factory.measure(store, run)
    store.experiments.finish(own, "done", {"total": 1.0})
    theirs = taken_over(store, settings, own, elsewhere, tmp_path)
    assert measured_loads(elsewhere, theirs) == measured_loads(store, own)


def test_prompts_come_along_under_a_free_name(
    store: Store, settings: Settings, elsewhere: Store, tmp_path: Path
) -> None:
    own = factory.finished(store, prompts=4)
    bodies = store.prompt_sets.bodies(store.experiments.get(own).spec["prompt_set_id"])
    elsewhere.prompt_sets.add(NewPromptSet("support-desk", "Mine", "", "abc", "mine.csv", [{"id": "1", "prompt": "x"}]))
    theirs = taken_over(store, settings, own, elsewhere, tmp_path)
    row = elsewhere.prompt_sets.get(elsewhere.experiments.get(theirs).spec["prompt_set_id"])
    assert row.name.startswith("support-desk-")
    assert elsewhere.prompt_sets.bodies(row.id) == bodies
    again = taken_over(store, settings, factory.finished(store, prompts=5), elsewhere, tmp_path)
    assert elsewhere.experiments.get(again).spec["prompt_set_id"] == row.id


def test_nothing_names_the_machine(store: Store, settings: Settings) -> None:
    own = factory.finished(store, prompts=4, failures=1)
    run = store.runs.of_experiment(own)[0]
    host = socket.gethostname()
    manifest = (run.manifest or {}) | {"told": f"read {settings.home}/x and /srv/secret/place on {host}.lan"}
    store.runs.start(run.id, manifest)
    store.runs.finish(run.id, "done")
    text = gzip.decompress(record(store, settings, own)).decode()
    for secret in (str(settings.home), "/home/someone", "/srv/secret", *([host] if len(host) > 3 else [])):
        assert secret not in text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://gpu-7.lab.example:8000/v1", "http://endpoint:8000/v1"),
        ("https://me:secret@10.0.0.7/v1", "https://endpoint/v1"),
        ("tcp://[fd00::7]:29500", "tcp://endpoint:29500"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("box refused, box.lan as well", "machine refused, machine as well"),
        ("boxes and a sandbox", "boxes and a sandbox"),
        ("/srv/models/box/x", "x"),
    ],
)
def test_hosts(given: str, expected: str) -> None:
    assert nameless({"a": [given]}, {}, "box.lan") == {"a": [expected]}


@pytest.mark.parametrize("state", ["queued", "running", "failed"])
def test_only_a_finished_experiment_is_recorded(store: Store, settings: Settings, state: str) -> None:
    made = {
        "queued": lambda: factory.queued(store),
        "running": lambda: factory.running(store),
        "failed": lambda: factory.stopped(store, "failed", "no memory"),
    }[state]()
    with pytest.raises(InputError, match=f"experiment {made} is {state}; only a finished one"):
        record(store, settings, made)


def test_another_tools_results_are_not_recorded(store: Store, settings: Settings) -> None:
    file = Path(__file__).parent / "data" / "vllm.json"
    number, _ = save_import(store, *read_results(file), None)
    with pytest.raises(InputError, match="hand on the file that it came from"):
        record(store, settings, number)


def without(*place: str | int) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        *rest, last = place
        inner: Any = document
        for name in rest:
            inner = inner[name]
        del inner[last]

    return edit


def put(value: Any, *place: str | int) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        *rest, last = place
        inner: Any = document
        for name in rest:
            inner = inner[name]
        inner[last] = value

    return edit


TEXT, POSITION, SEGMENT, END = 9, 0, 1, 7
DAMAGE: list[tuple[Edit, str]] = [
    (put("rung.recording/2", "schema"), "update Rung"),
    (without("runs"), "lacks runs"),
    (put([], "runs"), "does not hold each rung's 2 repeats"),
    (without("runs", 3), "does not hold each rung's 2 repeats"),
    (put("many", "experiment", "engine_starts"), "engine_starts is not a whole number"),
    (put("imported", "experiment", "kind"), "not known here"),
    (put({}, "experiment", "spec"), "cannot be read"),
    (put(10**17, "experiment", "finished_at"), "no date"),
    (put("run", "experiment", "spec", "kind"), "another kind"),
    (put([{"technique": "magic", "settings": {}}], "runs", 0, "recipe"), "magic"),
    (put("x", "runs", 0, "summary", "metrics", "ttft_ms"), "ttft_ms is not an object"),
    (put("x", "runs", 0, "summary", "metrics", "quality"), "quality is not a number"),
    (put([{"technique": "x"}], "runs", 0, "summary", "evidence"), "evidence, entry 1"),
    (put(99, "runs", 0, "summary", "requests"), "counts other requests"),
    (put({}, "runs", 0, "manifest", "hardware"), "lacks title"),
    (put("x", "runs", 0, "manifest", "engine", "argv"), "argv is not a list"),
    (put(1, "runs", 0, "repeat"), "does not hold each"),
    (put(40, "runs", 0, "rung"), "does not hold each"),
    (put([], "runs", 0, "segments"), "no segment"),
    (put(1, "runs", 0, "requests", 0, POSITION), "or one twice"),
    (put(400, "runs", 0, "requests", 0, POSITION), "no prompts of the set"),
    (put(7, "runs", 0, "requests", 0, SEGMENT), "no segment"),
    (put(2**64, "runs", 0, "requests", 0, END), "whole number"),
    (put(2**63 - 1, "runs", 0, "requests", 3, END), "end_ns is not a whole number"),
    (put(["x"], "runs", 0, "requests", 0), "columns"),
    (put(None, "runs", 0, "requests", 0, TEXT), "text is not a text"),
    (put("changed", "prompt_set", "prompts", 0, "expected"), "not those that were measured"),
    (put("magic", "prompt_set", "score"), "magic"),
    (put(["position"], "columns"), "other columns"),
    (put(None, "recorded"), "recorded is not an object"),
]


@pytest.mark.parametrize(("edit", "told"), DAMAGE)
def test_an_edited_file_is_refused_in_one_line(
    store: Store, settings: Settings, tmp_path: Path, edit: Edit, told: str
) -> None:
    document = document_of(store, settings)
    edit(document)
    path = tmp_path / "x.rung.json.gz"
    path.write_bytes(packed(document))
    with pytest.raises(InputError) as caught:
        read_recording(path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no JSON"),
        (b"{}", "damaged"),
        (gzip.compress(b"{}")[:-6], "cut short"),
        (gzip.compress(b"{}")[:-8] + b"\0" * 8, "damaged"),
        (gzip.compress(b"hello"), "holds no JSON"),
        (gzip.compress(b"[" * 200_000), "holds no JSON"),
        (gzip.compress(b'{"a": NaN}'), "holds no JSON"),
        (gzip.compress(b'{"a": ' + b"9" * 5000 + b"}"), "holds no JSON"),
        (gzip.compress(b'{"a": "\xff"}'), "not UTF-8"),
        (gzip.compress(b'{"a": "\\ud800"}'), "not UTF-8"),
        (gzip.compress(b"[]"), "no rung.recording/1"),
        (gzip.compress(b'{"schema": "rung.run/1"}'), "no rung.recording/1"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "x.rung.json.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        read_recording(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_unpacks_to_more_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.interchange.recording_file.MOST_BYTES", 2**20)
    path = tmp_path / "x.rung.json.gz"
    path.write_bytes(gzip.compress(b" " * 2**22))
    with pytest.raises(InputError, match="unpacks to more than 1 MiB"):
        read_recording(path)


def test_figures_that_lack_what_pages_need_are_refused(store: Store, settings: Settings, tmp_path: Path) -> None:
    document = document_of(store, settings)
    del document["runs"][2]["summary"]["metrics"]["sent_prompt_tokens"]
    path = tmp_path / "x.rung.json.gz"
    path.write_bytes(packed(document))
    recording, _ = read_recording(path)
    with pytest.raises(InputError, match="cannot be worked with"):
        try_out(recording, str(path))
