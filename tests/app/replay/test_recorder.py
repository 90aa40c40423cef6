"""The recorder saves everything before it is left, in order, and lets no failed save pass unseen."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from app.replay import recorder as recorder_module
from app.replay.record import Exchange, RequestRecord
from app.replay.recorder import Recorder
from tests.app.replay.wire import answer, events
from tests.fakes.launch import eventually


def finished(position: int) -> Exchange:
    return Exchange(position, 1, 2, 3, 9, 200, None, [(5, b"".join(events(answer())))])


class Saved:
    def __init__(self, fail_at: int | None = None) -> None:
        self.batches: list[list[int]] = []
        self.records: list[RequestRecord] = []
        self.fail_at = fail_at
        self.threads: set[int] = set()

    def __call__(self, records: Sequence[RequestRecord]) -> None:
        self.threads.add(threading.get_ident())
        if self.fail_at is not None and len(self.batches) >= self.fail_at:
            raise OSError("disk full")
        self.batches.append([record.position for record in records])
        self.records += records


def test_all_is_saved_when_it_is_left() -> None:
    saved = Saved()
    with Recorder(saved) as recorder:
        for position in range(500):
            recorder.put(finished(position))
    assert [record.position for record in saved.records] == list(range(500))
    assert all(record.text == "Hello big world" for record in saved.records)
    assert saved.threads.isdisjoint({threading.get_ident()})
    # Gathered, not one commit each.
    assert len(saved.batches) < 100


def test_nothing_to_save_saves_nothing() -> None:
    saved = Saved()
    with Recorder(saved):
        pass
    assert saved.batches == []


def test_what_is_finished_is_saved_while_the_run_goes_on() -> None:
    saved = Saved()
    with Recorder(saved) as recorder:
        recorder.put(finished(0))
        eventually(lambda: bool(saved.records), "the first is saved")
        recorder.put(finished(1))
    assert saved.batches == [[0], [1]]


def test_the_interpreter_is_let_go_after_each_answer_but_not_when_the_run_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breaths: list[float] = []
    monkeypatch.setattr(recorder_module, "sleep", breaths.append)
    saved = Saved()
    with Recorder(saved) as recorder:
        for position in range(3):
            recorder.put(finished(position))
        eventually(lambda: len(saved.records) == 3, "the first three are saved")
        assert len(breaths) == 3
    # Left while the thread still gathers.
    monkeypatch.setattr(recorder_module, "GATHER_S", 60.0)
    with Recorder(saved) as recorder:
        recorder.put(finished(3))
    assert len(saved.records) == 4
    assert len(breaths) == 3


def test_a_transaction_is_small_while_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "sleep", lambda seconds: None)
    saved = Saved()
    with Recorder(saved) as recorder:
        for position in range(450):
            recorder.put(finished(position))
        eventually(lambda: len(saved.records) == 450, "all are saved")
    assert max(len(batch) for batch in saved.batches) <= recorder_module.BATCH


def test_a_long_backlog_is_worked_off_without_sparing_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    breaths: list[float] = []
    monkeypatch.setattr(recorder_module, "sleep", breaths.append)
    monkeypatch.setattr(recorder_module, "BACKLOG", 0)
    saved = Saved()
    with Recorder(saved) as recorder:
        for position in range(20):
            recorder.put(finished(position))
        eventually(lambda: len(saved.records) == 20, "all are saved")
    assert breaths == []


def test_a_failing_save_is_raised_on_leaving() -> None:
    with pytest.raises(OSError, match="disk full"), Recorder(Saved(fail_at=0)) as recorder:
        recorder.put(finished(0))


def test_a_failed_save_stops_the_run_at_its_next_request() -> None:
    saved = Saved(fail_at=1)
    with pytest.raises(OSError, match="disk full"), Recorder(saved) as recorder:
        recorder.put(finished(0))
        eventually(lambda: bool(saved.records), "the first is saved")
        recorder.put(finished(1))
        eventually(lambda: recorder.error is not None, "the second fails")
        recorder.put(finished(2))
    assert [record.position for record in saved.records] == [0]


def test_a_fault_of_the_run_does_not_lose_what_was_finished() -> None:
    saved = Saved()
    with pytest.raises(KeyError), Recorder(saved) as recorder:
        recorder.put(finished(0))
        raise KeyError("the run broke")
    assert [record.position for record in saved.records] == [0]


def test_a_parser_that_fails_is_a_failed_save(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(exchange: Exchange) -> RequestRecord:
        raise ZeroDivisionError

    monkeypatch.setattr(recorder_module, "parse_exchange", broken)
    with pytest.raises(ZeroDivisionError), Recorder(Saved()) as recorder:
        recorder.put(finished(0))
