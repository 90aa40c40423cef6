"""Puts an engine behind the process that measures it, so that answers are stamped in time, and pages behind both.

On a machine without cores to spare, a client that waits for a core while the engine computes reads several tokens at
once and stamps them late. Lowering another process's priority needs no permission.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
STEPS = 5
PAGES_STEPS = STEPS + 2
"""Whoever watches must not slow down what is measured; much lower, and a page takes a minute to open meanwhile."""
LOWEST = 19


def put_behind(pid: int, steps: int = STEPS) -> None:
    """Lowers the process `pid`, which has just been started in a session of its own, below this one.

    Linux shares processors among sessions first (autogroups, sched(7)) and heeds the nice value only within one, so
    both are lowered. Where autogroups are off or there are none, as in a container with a share of its own, the nice
    value does it alone.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _behind(os.getpriority(os.PRIO_PROCESS, 0), steps))
    with suppress(OSError, ValueError):
        (PROC / str(pid) / "autogroup").write_text(str(_behind(group_nice("self"), steps)))


def group_nice(pid: int | str) -> int:
    """The nice value of a process's whole session; 0 for one that belongs to none, as what a container's first process
    starts without making a session: Linux leaves the file empty, and weighs each such process by itself.

    Raises OSError where Linux has no autogroups, or no such process.
    """
    words = (PROC / str(pid) / "autogroup").read_text().split()
    return int(words[-1]) if words else 0


def _behind(nice: int, steps: int) -> int:
    return min(LOWEST, nice + steps)
