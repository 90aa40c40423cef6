"""`studio`: keeps its processes up, restarts what ends, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.__main__ import main
from app.commands import serve
from app.commands.serve import _supervise, names_of
from app.engine.priority import LOWEST, PAGES_STEPS
from store.settings import Settings
from tests.app.processes import alive
from tests.fakes.launch import eventually, free_port


@pytest.fixture(autouse=True)
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The handlers are put back: in a test the supervisor's process is pytest's own."""
    monkeypatch.setattr(serve, "POLL_S", 0.02)
    monkeypatch.setattr(serve, "RESTART_PAUSE_S", 0.02)
    monkeypatch.setattr(serve, "STOP_PATIENCE_S", 0.5)
    before = {sign: signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for sign, handler in before.items():
        signal.signal(sign, handler)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def supervise(
    settings: Settings, commands: dict[str, list[str]], sign: signal.Signals, when: Callable[[], bool]
) -> int:
    """Runs the supervisor until the condition holds, then sends it a signal."""

    def stop() -> None:
        try:
            eventually(when, "the supervised processes did their part")
        finally:
            os.kill(os.getpid(), sign)

    thread = threading.Thread(target=stop)
    thread.start()
    code = _supervise(commands, dict(os.environ), settings)
    thread.join()
    return code


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_everything(settings: Settings, tmp_path: Path, sign: signal.Signals) -> None:
    pids = tmp_path / "pids"
    commands = {name: ["sh", "-c", f"echo $$ >> {pids}; exec sleep 600"] for name in ("worker", "streamlit")}
    assert supervise(settings, commands, sign, lambda: len(lines(pids)) == 2) == 0
    assert not any(alive(int(pid)) for pid in lines(pids))


def test_pages_stand_behind_the_worker(settings: Settings, tmp_path: Path) -> None:
    nice = {name: tmp_path / name for name in ("worker", "streamlit")}
    commands = {
        name: ["sh", "-c", f"sleep 0.2; cut -d ' ' -f 19 /proc/self/stat > {file}; exec sleep 600"]
        for name, file in nice.items()
    }
    supervise(settings, commands, signal.SIGTERM, lambda: all(lines(file) for file in nice.values()))
    worker, pages = (int(lines(file)[0]) for file in nice.values())
    assert pages == min(LOWEST, worker + PAGES_STEPS)


def test_one_that_ends_is_restarted_and_its_output_kept(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    starts, steady = tmp_path / "starts", tmp_path / "steady"
    commands = {
        "worker": ["sh", "-c", f"echo started; echo x >> {starts}; exit 7"],
        "streamlit": ["sh", "-c", f"echo x >> {steady}; exec sleep 600"],
    }
    supervise(settings, commands, signal.SIGTERM, lambda: len(lines(starts)) >= 3)
    assert len(lines(steady)) == 1
    assert "rung: the worker ended (exit code 7) and is restarted" in capsys.readouterr().err
    assert lines(settings.logs / "worker.log")[:2] == ["started", "started"]


def test_a_worker_that_finds_another_one_is_tried_again_without_a_word(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    starts = tmp_path / "starts"
    commands = {"worker": ["sh", "-c", f"echo x >> {starts}; exit 2"]}
    supervise(settings, commands, signal.SIGTERM, lambda: len(lines(starts)) >= 2)
    assert capsys.readouterr().err == ""


def test_one_that_does_not_obey_is_killed(settings: Settings, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    commands = {"worker": ["sh", "-c", f"trap '' TERM; echo $$ >> {pids}; while :; do sleep 0.05; done"]}
    supervise(settings, commands, signal.SIGTERM, lambda: len(lines(pids)) == 1)
    eventually(lambda: not alive(int(lines(pids)[0])), "it is gone")


def test_the_studio_goes_by_local_names_alone_unless_others_can_reach_it() -> None:
    assert names_of("127.0.0.1", []) == ["127.0.0.1", "localhost", "::1"]
    assert names_of("127.0.0.1", ["rung.example.org"])[-1] == "rung.example.org"
    shared = names_of("0.0.0.0", [])
    assert socket.gethostname() in shared
    assert len(shared) == len(set(shared))


@pytest.mark.parametrize(("flags", "expected"), [((), None), (("--read-only",), "1")])
@pytest.mark.usefixtures("settings")
def test_read_only_reaches_the_studio(
    monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], expected: str | None
) -> None:
    monkeypatch.delenv("RUNG_READ_ONLY", raising=False)
    given: list[dict[str, str]] = []
    monkeypatch.setattr(serve, "_announce", lambda *_: None)

    def supervise(_commands: object, environment: dict[str, str], _settings: object) -> int:
        given.append(environment)
        return 0

    monkeypatch.setattr(serve, "_supervise", supervise)
    assert main(["studio", "--no-browser", "--port", str(free_port()), *flags]) == 0
    assert given[0].get("RUNG_READ_ONLY") == expected
