"""Runs, their segments and their requests; requests that were reported survive a killed process."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from sqlalchemy.exc import IntegrityError

from optimizers.errors import InputError
from store.experiments import PlannedRun
from store.store import Store
from tests.building import record
from tests.fakes.launch import ROOT
from tests.store.rows import columns

WRITER = """
import sys
from itertools import count
from store.store import Store
from tests.building import record
from tests.store.rows import columns
store = Store.open(sys.argv[1])
for start in count(step=3):
    store.runs.save_requests(int(sys.argv[2]), 0, [columns(record(start + at)) for at in range(3)])
    print(start, start + 1, start + 2, flush=True)
"""


@pytest.fixture
def run(store: Store) -> int:
    experiment = store.experiments.enqueue("run", "t", {}, [PlannedRun(0, 0, "Baseline", [], 4)])
    return store.runs.of_experiment(experiment)[0].id


def test_requests_come_back_in_order_and_unchanged(store: Store, run: int) -> None:
    written = [record(3, text="naïve \N{SNOWMAN}"), record(0, error="HTTP 500: no"), record(1, tokens=0)]
    store.runs.save_requests(run, 0, [columns(one) for one in written])
    read = store.runs.requests(run)
    assert [row.position for row in read] == [0, 1, 3]
    for row, one in zip(read, sorted(written, key=lambda one: one.position), strict=True):
        for name, value in columns(one).items():
            assert getattr(row, name) == value, name
    assert store.runs.finished_positions(run) == {0, 1, 3}


def test_chosen_columns_of_requests_come_back_in_order(store: Store, run: int) -> None:
    store.runs.save_requests(run, 0, [columns(record(3, text="c")), columns(record(0, text="a"))])
    assert store.runs.request_values(run, ("position", "text")) == [(0, "a"), (3, "c")]


def test_the_version_of_an_experiment_changes_with_a_runs_state(store: Store, run: int) -> None:
    experiment = store.runs.get(run).experiment_id
    versions = [store.runs.version_of(experiment)]
    store.runs.start(run, {})
    versions.append(store.runs.version_of(experiment))
    store.runs.finish(run, "done")
    versions.append(store.runs.version_of(experiment))
    assert len(set(versions)) == 3


def test_summaries_are_of_finished_runs_on_that_hardware(store: Store, run: int) -> None:
    experiment = store.runs.get(run).experiment_id
    store.runs.start(run, {"hardware": {"title": "here"}})
    store.runs.set_summary(run, {"requests": 4})
    assert store.runs.summaries_on("here", [experiment]) == []
    store.runs.finish(run, "done")
    assert store.runs.summaries_on("here", [experiment]) == [(experiment, [], {"requests": 4})]
    assert store.runs.summaries_on("elsewhere", [experiment]) == []
    assert store.runs.summaries_on("here", [experiment + 1]) == []


def test_nanoseconds_of_a_machine_up_for_years_fit(store: Store, run: int) -> None:
    store.runs.save_requests(run, 0, [columns(record(0)) | {"end_ns": 2**62}])
    assert store.runs.requests(run)[0].end_ns == 2**62


def test_a_request_is_written_once_and_a_batch_whole_or_not_at_all(store: Store, run: int) -> None:
    store.runs.save_requests(run, 0, [columns(record(0))])
    with pytest.raises(IntegrityError):
        store.runs.save_requests(run, 1, [columns(record(1)), columns(record(0))])
    assert store.runs.finished_positions(run) == {0}


def test_segments_are_numbered_and_closed(store: Store, run: int) -> None:
    engine = store.engines.add({}, None, store.runs.get(run).experiment_id)
    assert [store.runs.open_segment(run, engine), store.runs.open_segment(run, None)] == [0, 1]
    store.runs.close_segment(run, 1, {"delta": None})
    assert [(row.number, row.engine_id, row.observed) for row in store.runs.segments(run)] == [
        (0, engine, None),
        (1, None, {"delta": None}),
    ]


def test_client_token_counts_are_added_later(store: Store, run: int) -> None:
    store.runs.save_requests(run, 0, [columns(record(0)), columns(record(1))])
    store.runs.set_client_tokens(run, {1: (51, None)})
    store.runs.set_client_tokens(run, {})
    first, second = store.runs.requests(run)
    assert (first.client_prompt_tokens, second.client_prompt_tokens) == (None, 51)
    assert second.text == "answer"


def test_a_run_starts_and_ends(store: Store, run: int) -> None:
    store.runs.start(run, {"schedule": "one by one"})
    store.runs.set_summary(run, {"metrics": {}})
    store.runs.finish(run, "failed", "why")
    row = store.runs.get(run)
    assert (row.status, row.error, row.manifest, row.summary) == (
        "failed",
        "why",
        {"schedule": "one by one"},
        {"metrics": {}},
    )
    assert row.started_at is not None
    assert row.finished_at is not None
    with pytest.raises(InputError, match="no run with the number 99"):
        store.runs.get(99)


def test_reported_requests_survive_sigkill(store: Store, run: int) -> None:
    command = [sys.executable, "-c", WRITER, store.url, str(run)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        reported = [writer.stdout.readline() for _ in range(4)]
        writer.send_signal(signal.SIGKILL)
        reported += writer.stdout.readlines()
    whole = [line for line in reported if line.endswith("\n")]
    promised = {int(number) for line in whole for number in line.split()}
    assert len(promised) >= 12
    found = store.runs.finished_positions(run)
    assert promised <= found
    # A transaction is whole or absent, reported or not.
    assert found == set(range(len(found)))
    assert len(found) % 3 == 0
