"""Waiting for a job's process from a test."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.background.jobs import Job, find
from store.settings import Settings

PATIENCE_S = 60.0


def seen(settings: Settings, job_id: str, condition: Callable[[Job], bool]) -> Job:
    """The job once it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        job = find(settings, job_id)
        assert job is not None
        if condition(job):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.02)


def ended(settings: Settings, job_id: str) -> Job:
    return seen(settings, job_id, lambda job: not job.is_live)
