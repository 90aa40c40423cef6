"""Works for tests of the runner: each does what its spec says and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.background.run import Report
from optimizers.errors import InputError
from store.settings import Settings


async def work(spec: Mapping[str, Any], settings: Settings, report: Report) -> Mapping[str, Any]:
    does = spec["does"]
    report.runs("at work", 1, 4, "steps", so_far="half")
    if does == "refuses":
        raise InputError("the wish\ncannot be met")
    if does == "breaks":
        raise RuntimeError("nobody's mistake")
    if does == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if does == "waits":
        try:
            await asyncio.sleep(60)
        finally:
            Path(spec["cleaned"]).write_text("yes")  # noqa: ASYNC240
    return {"answer": 42, "home": str(settings.home)}
