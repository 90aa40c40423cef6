"""Processor time that neither the engine nor Rung used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from app.engine.cpu_share import CpuWatch

SPIN = "import time; end = time.process_time() + 1\nwhile time.process_time() < end: pass\nprint(flush=True); input()"


@pytest.fixture
def spinner() -> Iterator[subprocess.Popen[bytes]]:
    """A process, in a group of its own, that has used a second of processor time once it prints a line."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", SPIN], start_new_session=True, **pipes)  # type: ignore[call-overload]
    yield process
    process.communicate(b"\n")


def test_without_an_engine_here_nothing_can_be_told() -> None:
    assert CpuWatch(None).foreign_share() is None


def test_a_strangers_time_counts_and_the_engines_does_not(spinner: subprocess.Popen[bytes]) -> None:
    stranger, engine = CpuWatch(psutil.Process().pid), CpuWatch(spinner.pid)
    spinner.stdout.readline()  # type: ignore[union-attr]
    as_stranger, as_engine = stranger.foreign_share(), engine.foreign_share()
    assert as_stranger is not None
    assert as_engine is not None
    assert as_stranger > as_engine
