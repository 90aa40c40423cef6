"""The file that watchers read: what it holds, that it is whole at any moment, and that it never costs a run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from app.engine.energy import EnergyMeter
from app.engine.metrics import GENERATED, KV_USAGE, RUNNING, WAITING
from app.experiment import live_file
from app.experiment.live_file import READINGS, LiveFile, LiveRun, live_path, read_live_run, remove_live_file
from optimizers.prefix_caching import HITS, PREEMPTIONS, QUERIES
from store.settings import Settings
from tests.building import record
from tests.fakes.launch import eventually

SEEN = {RUNNING: 3.0, WAITING: 1.0, KV_USAGE: 0.25, GENERATED: 150.0, QUERIES: 900.0, HITS: 300.0, PREEMPTIONS: 2.0}
BEFORE = {GENERATED: 100.0, QUERIES: 500.0, PREEMPTIONS: 2.0}


def newest(path: Path, count: int = 1) -> LiveRun:
    """The file once it holds so many readings."""

    def there() -> bool:
        found = read_live_run(path)
        return found is not None and len(found.readings) >= count

    eventually(there, f"{count} readings in the file")
    found = read_live_run(path)
    assert found is not None
    return found


def test_a_reading_counts_from_the_start_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "live" / "store.json"
    with LiveFile(path, 7, 21, BEFORE) as live:
        live.ended([record(0, tokens=11), record(1, tokens=11), record(2, error="lost")])
        live.take(SEEN)
        found = newest(path)
        assert (found.experiment_id, found.run_id) == (7, 21)
        (reading,) = found.readings
        assert (reading.answered, reading.failed, reading.output_tokens) == (2, 1, 50.0)
        assert (reading.running, reading.waiting, reading.kv_usage) == (3.0, 1.0, 0.25)
        # Hits were not in the first reading of the counters, so all of them are of this run.
        assert (reading.queries, reading.hits, reading.preemptions) == (400.0, 300.0, 0.0)
        # No speculation, no meter: nothing to say, which is not 0.
        assert (reading.drafted, reading.accepted, reading.joules) == (None, None, None)
    assert not path.exists()


def test_without_engine_metrics_the_clients_part_is_left(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    with LiveFile(path, 1, 1, None) as live:
        live.ended([record(0, tokens=11)])
        live.take(None)
        (reading,) = newest(path).readings
    assert (reading.answered, reading.output_tokens, reading.running, reading.queries) == (1, 11.0, None, None)


def test_only_the_last_readings_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    with LiveFile(path, 1, 1, {}) as live:
        for count in range(READINGS + 5):
            live.take({RUNNING: float(count)})
        eventually(lambda: newest(path).readings[-1].running == READINGS + 4, "the last reading is in the file")
        found = newest(path)
    assert len(found.readings) == READINGS
    assert found.readings[0].running == 5
    assert path.parent.exists()


def test_readings_are_due_once_a_second_and_never_make_up_for_lost_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(live_file, "monotonic", lambda: now)
    live = LiveFile(Path("unused"), 1, 1, {})
    live._next = now + 1
    assert not live.due
    now = 101.1
    assert live.due
    live.take(None)
    now = 101.9
    assert not live.due
    now = 106.0
    assert live.due
    live.take(None)
    # The clock stood still for seconds: one reading was lost or two, and the next comes half a second to a second on.
    now = 106.3
    assert not live.due
    now = 107.0
    assert live.due


def test_energy_comes_with_the_readings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_file, "METER_S", 0.0)
    joules = iter(range(0, 1000, 50))

    def read() -> Mapping[str, float]:
        return {"package": float(next(joules))}

    path = tmp_path / "store.json"
    with LiveFile(path, 1, 1, {}, EnergyMeter(read, {}, "test")) as live:
        live.take({})
        newest(path, 1)
        live.take({})
        first, second = newest(path, 2).readings
    assert (first.joules, second.joules) == (50.0, 100.0)
    assert 0 < first.watched_s < second.watched_s


def test_a_reader_never_finds_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "store.json"
    seen: list[LiveRun | None] = []
    stop = threading.Event()

    def read_on() -> None:
        while not stop.is_set():
            if path.exists():
                seen.append(msgspec.json.decode(path.read_bytes(), type=LiveRun))

    with LiveFile(path, 1, 1, {}) as live:
        reader = threading.Thread(target=read_on)
        live.take({})
        newest(path)
        reader.start()
        for _ in range(200):
            live.take(SEEN)
        eventually(lambda: len(newest(path).readings) == READINGS, "all were written")
        stop.set()
        reader.join()
    assert seen


def test_a_file_that_cannot_be_written_is_nobodys_fault(tmp_path: Path) -> None:
    (tmp_path / "live").write_text("a file where the folder should be")
    path = tmp_path / "live" / "store.json"
    with LiveFile(path, 1, 1, {}) as live:
        live.take(SEEN)
    assert read_live_run(path) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"experiment_id": 1}', b"\xff"])
def test_a_file_of_another_kind_counts_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.json"
    path.write_bytes(content)
    assert read_live_run(path) is None


def test_what_a_killed_worker_left_is_removed(tmp_path: Path) -> None:
    for name in ("store.json", "store.part"):
        (tmp_path / name).write_text("{")
    remove_live_file(tmp_path / "store.json")
    assert list(tmp_path.iterdir()) == []
    remove_live_file(tmp_path / "store.json")


def test_two_stores_in_one_state_folder_do_not_meet(tmp_path: Path) -> None:
    paths = {live_path(Settings(tmp_path, f"sqlite:///{tmp_path}/{name}.db")) for name in ("one", "two")}
    assert len(paths) == 2
