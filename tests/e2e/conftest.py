"""One Chromium for all browser tests: Playwright allows one driver in a thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.studio import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # A busy machine draws slowly; a test that fails waits once.
    expect.set_options(timeout=60_000)
    with chromium() as opened:
        yield opened
