"""Finds and ends the engines that a killed worker left behind.

A recorded engine is known by its process group and by its leader's start time, so that a stranger that was
given the same pid is never touched. The group outlives its leader: the engine core may survive the API server.
"""

from __future__ import annotations

from contextlib import suppress

import psutil

from app.engine.process import group_members, stop_group
from store.store import Store

CLOCK_SLACK_S = 2.0
GRACE_S = 2.0


def reap_orphans(store: Store) -> list[int]:
    """Ends every engine that is still recorded as alive; the ids of those that had living processes."""
    reaped = []
    for row in store.engines.alive():
        if row.pid is not None and row.pid_started_at is not None and is_ours(row.pid, row.pid_started_at):
            stop_group(row.pid, GRACE_S)
            reaped.append(row.id)
        store.engines.stopped(row.id, "its worker ended without stopping it")
    return reaped


def is_ours(pgid: int, started_at: float) -> bool:
    """Whether the group that was recorded so still has processes of ours."""
    with suppress(psutil.NoSuchProcess):
        return abs(psutil.Process(pgid).create_time() - started_at) < CLOCK_SLACK_S
    members = group_members(pgid)
    with suppress(psutil.NoSuchProcess):
        return bool(members) and all(member.create_time() >= started_at - CLOCK_SLACK_S for member in members)
    return False
