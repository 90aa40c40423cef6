"""After a crash: engines that a dead worker left are ended, strangers are left alone."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from app.engine import orphans
from app.engine.orphans import reap_orphans
from app.engine.process import group_members
from store.experiments import PlannedRun
from store.store import Store
from tests.app.processes import alive, started_at
from tests.fakes.launch import end_group, eventually

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Runs a shell line in a process group of its own."""
    monkeypatch.setattr(orphans, "GRACE_S", 0.3)
    started: list[subprocess.Popen[bytes]] = []

    def run(line: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(["sh", "-c", line], start_new_session=True))
        return started[-1]

    yield run
    for process in started:
        end_group(process)


def recorded(store: Store, pid: int, pid_started_at: float) -> int:
    engine = store.engines.request({"model": "m"})
    store.engines.launched(engine, pid, pid_started_at, "http://127.0.0.1:1", "/log", {})
    return engine


def ended_by_reaping(store: Store, engine: int) -> bool:
    row = store.engines.get(engine)
    assert row is not None
    return row.status == "failed" and row.error == "its worker ended without stopping it"


def test_an_engine_whose_worker_is_gone_is_ended(store: Store, start: Start) -> None:
    process = start("exec sleep 600")
    engine = recorded(store, process.pid, started_at(process.pid))
    assert reap_orphans(store) == [engine]
    assert not alive(process.pid)
    assert ended_by_reaping(store, engine)
    assert reap_orphans(store) == []


def test_one_that_ignores_sigterm_is_killed(store: Store, start: Start) -> None:
    process = start("trap '' TERM; echo; while :; do sleep 1; done")
    engine = recorded(store, process.pid, started_at(process.pid))
    assert reap_orphans(store) == [engine]
    assert group_members(process.pid) == []


def test_a_core_that_outlived_its_server_is_ended(store: Store, start: Start) -> None:
    process = start("sleep 600 & sleep 600")
    eventually(lambda: len(group_members(process.pid)) == 3, "the shell and its two children")
    engine = recorded(store, process.pid, started_at(process.pid))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(group_members(process.pid)) == 2
    assert reap_orphans(store) == [engine]
    assert group_members(process.pid) == []


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_stranger_with_the_same_pid_is_left_alone(store: Store, start: Start, seconds: int) -> None:
    process = start("exec sleep 600")
    engine = recorded(store, process.pid, started_at(process.pid) + seconds)
    assert reap_orphans(store) == []
    assert alive(process.pid)
    assert ended_by_reaping(store, engine)


def test_an_engine_that_is_gone_by_itself_is_only_written_down(store: Store, start: Start) -> None:
    process = start("exit 0")
    born = started_at(process.pid)
    process.wait()
    engine = recorded(store, process.pid, born)
    never_launched = store.engines.add(
        {}, None, store.experiments.enqueue("run", "t", {}, [PlannedRun(0, 0, "", [], 1)])
    )
    assert reap_orphans(store) == []
    assert ended_by_reaping(store, engine)
    assert ended_by_reaping(store, never_launched)


def test_a_wish_for_an_engine_is_no_orphan(store: Store) -> None:
    engine = store.engines.request({"model": "m"})
    assert reap_orphans(store) == []
    row = store.engines.get(engine)
    assert row is not None
    assert row.status == "requested"
