"""For tests that run experiments: waiting that fits the fake engine, which does everything at once."""

from __future__ import annotations

import pytest

from tests.app.experimenting import shorten_waits


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_waits(monkeypatch)
