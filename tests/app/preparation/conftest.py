"""A quantizer that is a few lines of Python, in place of those that load a model."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.preparation.job import Progress
from optimizers.checkpoint_order import CheckpointOrder
from tests.fakes.quantizer import use_fake_quantizer

ORDER = CheckpointOrder("awq", "awq_job", (("group_size", 128), ("method", "awq")), None, 2)


@pytest.fixture
def quantizer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Call it with the behaviour of the jobs that are started from now on."""
    use_fake_quantizer(monkeypatch)
    return lambda behaviour: monkeypatch.setenv("RUNG_TEST_JOB", behaviour)


@pytest.fixture
def heard() -> list[Progress]:
    return []
