"""An engine stands behind the process that measures it, whatever that one's own priority is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.engine import priority
from app.engine.priority import LOWEST, PAGES_STEPS, STEPS, group_nice, put_behind
from tests.fakes.launch import ROOT

AUTOGROUP = Path("/proc/self/autogroup")
grouped = pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not group sessions")


@contextmanager
def started() -> Iterator[int]:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def test_a_process_is_put_behind_this_one() -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    with started() as pid:
        assert os.getpriority(os.PRIO_PROCESS, pid) == own
        put_behind(pid)
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(LOWEST, own + STEPS)


@grouped
def test_its_session_is_put_behind_this_session() -> None:
    with started() as pid:
        put_behind(pid)
        assert group_nice(pid) == min(LOWEST, group_nice("self") + STEPS)


@grouped
def test_pages_stand_behind_the_engine_too() -> None:
    with started() as engine, started() as pages:
        put_behind(engine)
        put_behind(pages, PAGES_STEPS)
        assert group_nice("self") < group_nice(engine) < group_nice(pages)
        assert os.getpriority(os.PRIO_PROCESS, engine) < os.getpriority(os.PRIO_PROCESS, pages)


@grouped
@pytest.mark.parametrize(("own", "behind"), [(3, 3 + STEPS), (17, LOWEST)])
def test_a_niced_session_still_stands_before_its_engine(own: int, behind: int) -> None:
    """In an interpreter with a session of its own, since this one's cannot be raised again by everybody."""
    script = (
        "import subprocess\n"
        "from pathlib import Path\n"
        "from app.engine.priority import group_nice, put_behind\n"
        f"Path('/proc/self/autogroup').write_text('{own}')\n"
        "with subprocess.Popen(['sleep', '60'], start_new_session=True) as engine:\n"
        "    put_behind(engine.pid)\n"
        "    print(group_nice('self'), group_nice(engine.pid))\n"
        "    engine.kill()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, start_new_session=True
    )
    assert done.stdout.split() == [str(own), str(behind)]


def test_a_process_that_is_gone_is_no_fault() -> None:
    with started() as pid:
        pass
    put_behind(pid)


def test_outside_all_sessions_it_is_put_behind_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux shows an empty file for a process that no session's group holds."""
    monkeypatch.setattr(priority, "PROC", tmp_path)
    with started() as pid:
        for name, content in (("self", ""), (str(pid), "/autogroup-7 nice 0\n")):
            (tmp_path / name).mkdir()
            (tmp_path / name / "autogroup").write_text(content)
        put_behind(pid)
        assert group_nice("self") == 0
        assert (tmp_path / str(pid) / "autogroup").read_text() == str(STEPS)
