"""The queue: what the worker takes, what people may do with it, and what is kept when it stops half-way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from optimizers.errors import InputError
from store.experiments import PlannedRun
from store.store import Store
from tests.building import record
from tests.store.rows import columns


def queue(store: Store, title: str = "t", runs: int = 2, kind: str = "ladder") -> int:
    planned = [PlannedRun(rung, 0, f"rung {rung}", [], 3) for rung in range(runs)]
    return store.experiments.enqueue(kind, title, {"any": "spec"}, planned)


def test_what_is_queued_comes_back_whole(store: Store) -> None:
    experiment = store.experiments.get(queue(store, "title"))
    assert (experiment.title, experiment.status, experiment.spec) == ("title", "queued", {"any": "spec"})
    assert (experiment.engine_starts, experiment.phase, experiment.seconds) == (0, "", {})
    runs = store.runs.of_experiment(experiment.id)
    assert [(run.rung, run.status, run.planned_requests) for run in runs] == [(0, "queued", 3), (1, "queued", 3)]


def test_the_oldest_is_claimed_first_and_each_once(store: Store) -> None:
    first, second = queue(store), queue(store)
    claimed = [store.experiments.claim() for _ in range(3)]
    assert [row.id if row else None for row in claimed] == [first, second, None]
    assert all(row.status == "running" and row.started_at for row in claimed if row)


def test_a_named_one_is_claimed_past_the_queue(store: Store) -> None:
    first, second = queue(store), queue(store)
    claimed = store.experiments.claim(second)
    assert claimed is not None
    assert claimed.id == second
    assert store.experiments.claim(second) is None
    assert store.experiments.get(first).status == "queued"


def test_two_stores_never_claim_the_same(store: Store) -> None:
    ids = [queue(store, runs=1) for _ in range(20)]
    together = Barrier(2)

    def claim_all() -> list[int]:
        other = Store.open(store.url)
        together.wait()
        taken = []
        while row := other.experiments.claim():
            taken.append(row.id)
        other.close()
        return taken

    with ThreadPoolExecutor(2) as pool:
        halves = [future.result() for future in [pool.submit(claim_all), pool.submit(claim_all)]]
    assert sorted(halves[0] + halves[1]) == ids


def test_a_queued_one_is_cancelled_at_once_and_a_running_one_is_asked(store: Store) -> None:
    waiting, running = queue(store), queue(store)
    store.experiments.claim(running)
    for experiment in (waiting, running):
        store.experiments.request_cancel(experiment)
    assert store.experiments.get(waiting).status == "cancelled"
    assert not store.experiments.cancel_requested(waiting)
    assert store.experiments.get(running).status == "running"
    assert store.experiments.cancel_requested(running)
    store.experiments.finish(running, "cancelled", {})
    assert not store.experiments.cancel_requested(running)


def test_cancelling_what_has_ended_or_never_was_does_nothing(store: Store) -> None:
    done = queue(store)
    store.experiments.claim()
    store.experiments.finish(done, "done", {"total": 1.0})
    store.experiments.request_cancel(done)
    store.experiments.request_cancel(99)
    assert store.experiments.get(done).status == "done"
    assert not store.experiments.cancel_requested(99)


def test_a_dead_workers_experiment_is_interrupted_and_others_are_left_alone(store: Store) -> None:
    ended, running, waiting = queue(store), queue(store), queue(store)
    store.experiments.claim(ended)
    store.experiments.finish(ended, "done", {})
    store.experiments.claim(running)
    first, second = store.runs.of_experiment(running)
    store.runs.start(first.id, {})
    store.experiments.request_cancel(running)

    assert store.experiments.interrupt_running("the worker died") == [running]
    row = store.experiments.get(running)
    assert (row.status, row.error, row.phase, row.cancel_requested) == ("interrupted", "the worker died", "", False)
    assert store.runs.get(first.id).status == "interrupted"
    assert store.runs.get(second.id).status == "queued"
    assert [store.experiments.get(each).status for each in (ended, waiting)] == ["done", "queued"]
    assert store.experiments.interrupt_running("again") == []


@pytest.mark.parametrize("status", ["interrupted", "cancelled", "failed"])
def test_resuming_keeps_finished_runs_and_their_requests(store: Store, status: str) -> None:
    experiment = queue(store)
    store.experiments.claim()
    finished, broken = store.runs.of_experiment(experiment)
    store.runs.finish(finished.id, "done")
    store.runs.finish(broken.id, status, "why")
    store.runs.save_requests(broken.id, 0, [columns(record(1))])
    store.experiments.finish(experiment, status, {"total": 2.0}, "why")

    store.experiments.resume(experiment)
    row = store.experiments.get(experiment)
    assert (row.status, row.error, row.seconds) == ("queued", None, {"total": 2.0})
    assert [run.status for run in store.runs.of_experiment(experiment)] == ["done", "queued"]
    assert store.runs.finished_positions(broken.id) == {1}
    claimed = store.experiments.claim()
    assert claimed is not None
    assert claimed.id == experiment


def test_only_what_has_stopped_can_be_resumed(store: Store) -> None:
    experiment = queue(store)
    with pytest.raises(InputError, match=f"experiment {experiment} is queued; only a stopped one can be resumed"):
        store.experiments.resume(experiment)
    store.experiments.claim()
    with pytest.raises(InputError, match="is running"):
        store.experiments.resume(experiment)
    with pytest.raises(InputError, match="no experiment with the number 99"):
        store.experiments.resume(99)


def test_progress_counts_committed_requests_by_run(store: Store) -> None:
    experiment = queue(store)
    other = store.runs.of_experiment(queue(store))[0]
    first, second = store.runs.of_experiment(experiment)
    store.runs.save_requests(first.id, 0, [columns(record(at)) for at in range(2)])
    store.runs.save_requests(other.id, 0, [columns(record(0))])
    progress = store.experiments.progress(experiment)
    assert (progress.done, progress.planned, progress.by_run) == (2, 6, {first.id: 2, second.id: 0})
    assert store.experiments.progress(99).planned == 0


def test_lists_for_people(store: Store) -> None:
    first, second, third = queue(store), queue(store, kind="run"), queue(store)
    store.experiments.claim(second)
    assert [row.id for row in store.experiments.recent()] == [third, second, first]
    assert [row.id for row in store.experiments.recent(1)] == [third]
    assert [row.id for row in store.experiments.unfinished()] == [second, first, third]
    store.experiments.finish(second, "done", {})
    latest = store.experiments.latest("done", "run")
    assert latest is not None
    assert latest.id == second
    assert store.experiments.latest("done", "ladder") is None


def test_engine_starts_add_up(store: Store) -> None:
    experiment = queue(store)
    store.experiments.add_engine_start(experiment)
    store.experiments.add_engine_start(experiment)
    store.experiments.set_phase(experiment, "Starting engine 2 of 2")
    row = store.experiments.get(experiment)
    assert (row.engine_starts, row.phase) == (2, "Starting engine 2 of 2")
