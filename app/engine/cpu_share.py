"""How much of the machine other programs took during a run, from the operating system's own accounting.

On a machine of few cores another program changes every figure, and no statistic on the requests can see it.
"""

from __future__ import annotations

from contextlib import suppress
from time import monotonic

import psutil

from app.engine.process import group_members


class CpuWatch:
    """Begins to watch when it is made. `engine_pid` leads the engine's process group, None when there is none here."""

    def __init__(self, engine_pid: int | None) -> None:
        self._engine_pid = engine_pid
        self._began = monotonic()
        self._busy_s = _busy_seconds()
        self._ours_s = self._our_seconds()

    def foreign_share(self) -> float | None:
        """Processor time since then that neither the engine nor this process used, as a share of all cores."""
        if self._engine_pid is None:
            return None
        available_s = (monotonic() - self._began) * (psutil.cpu_count() or 1)
        foreign_s = (_busy_seconds() - self._busy_s) - (self._our_seconds() - self._ours_s)
        return max(0.0, foreign_s / available_s) if available_s else None

    def _our_seconds(self) -> float:
        processes = [psutil.Process()]
        if self._engine_pid is not None:
            processes += group_members(self._engine_pid)
        total = 0.0
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Guest time is already part of user time.
    guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - idle - guest)
