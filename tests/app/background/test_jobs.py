"""Jobs in real processes: done, refused, broken, killed, cancelled; and what is told of them afterwards."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from app.background import jobs
from app.background.jobs import Job, all_jobs, cancel, find, forget, is_alive, start, write_json
from app.background.run import Report
from optimizers.errors import InputError
from store.settings import Settings
from tests.app.background.waiting import ended, seen
from tests.app.serving import until

WORK = "tests.app.background.small_work"


def begin(settings: Settings, does: str, **spec: str) -> str:
    return start(settings, "small", "A small job", WORK, {"does": does, **spec})


def folder_of(settings: Settings, job: str) -> Path:
    return settings.home / "jobs" / job


def test_a_job_that_is_done_leaves_its_result(settings: Settings) -> None:
    job = ended(settings, begin(settings, "answers"))
    assert (job.kind, job.title, job.status, job.error) == ("small", "A small job", "done", None)
    assert job.result == {"answer": 42, "home": str(settings.home)}
    assert (job.done, job.total, job.what) == (1, 4, "at work")


def test_a_refusal_is_one_line(settings: Settings) -> None:
    job = ended(settings, begin(settings, "refuses"))
    assert (job.status, job.error) == ("failed", "the wish cannot be met")
    assert job.result == {"so_far": "half"}


def test_a_fault_of_rungs_own_is_logged_whole(settings: Settings) -> None:
    job = ended(settings, begin(settings, "breaks"))
    assert job.error is not None
    assert job.error.startswith("Rung stopped with a fault of its own (RuntimeError)")
    assert "nobody's mistake" in (folder_of(settings, job.id) / "job.log").read_text()


def test_a_process_that_is_gone_without_a_word_is_told(settings: Settings) -> None:
    job = ended(settings, begin(settings, "dies"))
    assert (job.status, job.what) == ("interrupted", "at work")
    assert "start it again" in str(job.error)


def test_cancel_lets_it_clean_up(settings: Settings, tmp_path: Path) -> None:
    mark = tmp_path / "cleaned"
    job = begin(settings, "waits", cleaned=str(mark))
    seen(settings, job, lambda job: job.what == "at work")
    cancel(settings, job)
    assert ended(settings, job).status == "cancelled"
    assert mark.exists()
    assert not is_alive(folder_of(settings, job))


def test_a_job_that_is_cancelled_before_it_can_hear_is_cancelled(settings: Settings) -> None:
    job = begin(settings, "waits", cleaned="/nowhere")
    os.kill(json.loads((folder_of(settings, job) / "process.json").read_text())["pid"], signal.SIGSTOP)
    cancel(settings, job)
    known = find(settings, job)
    assert known is not None
    assert known.is_live
    assert known.cancelling
    os.kill(json.loads((folder_of(settings, job) / "process.json").read_text())["pid"], signal.SIGKILL)
    assert (ended(settings, job).status, ended(settings, job).error) == ("cancelled", None)


def test_a_stranger_with_the_same_pid_is_not_the_job(settings: Settings) -> None:
    job = ended(settings, begin(settings, "answers"))
    folder = folder_of(settings, job.id)
    write_json(folder / "state.json", {"status": "running"})
    write_json(folder / "process.json", {"pid": os.getpid(), "started_at": 1.0})
    assert not is_alive(folder)
    cancel(settings, job.id)
    found = find(settings, job.id)
    assert found is not None
    assert found.status == "cancelled"


def test_jobs_are_listed_by_kind_newest_first_and_forgotten(settings: Settings) -> None:
    first, second = begin(settings, "answers"), begin(settings, "answers")
    for job in (first, second):
        ended(settings, job)
    assert [job.id for job in all_jobs(settings, "small", "other")] == [second, first]
    assert all_jobs(settings, "other") == []
    forget(settings, first)
    assert [job.id for job in all_jobs(settings, "small")] == [second]


def test_old_ones_are_forgotten_by_themselves(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "KEPT", 1)
    for _ in range(3):
        ended(settings, begin(settings, "answers"))
    assert len(all_jobs(settings, "small")) == 2


@pytest.mark.parametrize("name", ["small-none", "../rung", "", "a/b"])
def test_what_is_no_job_is_none(settings: Settings, name: str) -> None:
    assert find(settings, name) is None
    cancel(settings, "small-none")
    forget(settings, "small-none")


def test_a_file_that_is_broken_is_no_job(settings: Settings) -> None:
    job = ended(settings, begin(settings, "answers"))
    (folder_of(settings, job.id) / "job.json").write_text("{")
    assert find(settings, job.id) is None
    assert all_jobs(settings, "small") == []


def test_a_state_folder_that_cannot_be_written_is_told(settings: Settings) -> None:
    (settings.home / "jobs").write_text("a file")
    with pytest.raises(InputError, match="the state folder cannot be written"):
        begin(settings, "answers")


def test_the_time_that_is_left() -> None:
    job = Job("x", "small", "", {}, 0.0, "running", done=30, total=100, began_at=100.0, began_done=10)
    assert job.per_second(110.0) == pytest.approx(2.0)
    assert job.seconds_left(110.0) == pytest.approx(35.0)
    assert job.seconds_left(101.0) is None
    assert replace(job, done=10).seconds_left(110.0) is None
    assert replace(job, total=0).seconds_left(110.0) is None
    assert replace(job, done=100).seconds_left(110.0) is None


async def test_the_last_of_many_quick_reports_is_there_during_the_silence_after_it(tmp_path: Path) -> None:
    report = Report(tmp_path)
    for done in range(5):
        report.runs(f"layer {done}", done, 10)
    await until(lambda: json.loads((tmp_path / "state.json").read_text())["what"] == "layer 4", "the last is told")
