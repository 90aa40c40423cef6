"""A quantizer that is a few lines of Python, in place of those that load a model: in a test's process, or in a job's.

What it does is RUNG_TEST_JOB, as tests/app/preparation/fake_job.py tells.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.background import quantize
from app.background.run import Report
from app.preparation import checkpoints, quantizing
from app.preparation.calibration import CalibrationText
from app.preparation.job import Say
from optimizers.checkpoint_order import CheckpointOrder
from store.settings import Settings
from tests.building import use_processor

TEXT = CalibrationText("texts", ((1, 2, 3), (4, 5, 6)), ((7, 8),))
REAL_WORK = quantize.work


def use_fake_quantizer(patch: pytest.MonkeyPatch) -> None:
    """Jobs that this process starts for a checkpoint are fakes from now on."""

    async def there(tool: str, settings: Settings, say: Say) -> None:
        return None

    def command(order: CheckpointOrder, job_file: Path) -> list[str]:
        return [sys.executable, "-m", "tests.app.preparation.fake_job", str(job_file)]

    patch.setattr(checkpoints, "make_tool", there)
    patch.setattr(checkpoints, "job_command", command)


def use_fake_text(patch: pytest.MonkeyPatch) -> None:
    """Calibrates with a handful of tokens, so that a checkpoint needs no tokenizer."""
    patch.setattr(quantizing, "text_for", lambda *given: TEXT)


def use_fake_jobs(patch: pytest.MonkeyPatch) -> None:
    """As both of the above, for jobs in processes of their own as the Models page starts them."""
    use_fake_text(patch)
    patch.setattr(quantize, "__name__", __name__)


async def work(spec: Mapping[str, Any], settings: Settings, report: Report) -> Mapping[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        use_fake_quantizer(patch)
        use_fake_text(patch)
        use_processor(patch)
        return await REAL_WORK(spec, settings, report)
