"""A quantizer that is a few lines of Python, in place of those that load a model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.preparation import checkpoints
from app.preparation.calibration import CalibrationText
from app.preparation.job import Progress, Say
from optimizers.checkpoint_order import CheckpointOrder
from store.settings import Settings

ORDER = CheckpointOrder("awq", "awq_job", (("group_size", 128), ("method", "awq")), None, 2)
TEXT = CalibrationText("texts", ((1, 2, 3), (4, 5, 6)), ((7, 8),))


@pytest.fixture
def quantizer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Call it with the behaviour of the jobs that are started from now on."""

    async def there(tool: str, settings: Settings, say: Say) -> None:
        return None

    def command(order: CheckpointOrder, job_file: Path) -> list[str]:
        return [sys.executable, "-m", "tests.app.preparation.fake_job", str(job_file)]

    monkeypatch.setattr(checkpoints, "make_tool", there)
    monkeypatch.setattr(checkpoints, "job_command", command)
    return lambda behaviour: monkeypatch.setenv("RUNG_TEST_JOB", behaviour)


@pytest.fixture
def heard() -> list[Progress]:
    return []
