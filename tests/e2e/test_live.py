"""Live as it stands open: what is started elsewhere shows on it without a hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.prompts.saved import save_starter_sets
from store.database import sqlite_url
from store.settings import Settings
from store.store import Store
from tests.e2e.studio import open_page, pages_only
from tests.pages import factory

pytestmark = pytest.mark.browser


def test_an_idle_live_page_shows_what_is_started_elsewhere(browser: Browser, tmp_path: Path) -> None:
    store = Store.open(sqlite_url(tmp_path / "rung.db"))
    save_starter_sets(store)
    with pages_only(tmp_path) as url:
        page = browser.new_page()
        open_page(page, f"{url}/live")
        expect(page.get_by_text("Nothing runs now")).to_be_visible()
        factory.queued(store, "Ladder: started elsewhere")
        expect(page.get_by_role("heading", name="Ladder: started elsewhere")).to_be_visible(timeout=20_000)
        page.close()
    store.close()


def test_a_running_experiment_is_watched_without_a_hand(browser: Browser, tmp_path: Path) -> None:
    store = Store.open(sqlite_url(tmp_path / "rung.db"))
    save_starter_sets(store)
    experiment = factory.running(store)
    factory.readings(store, Settings(tmp_path, sqlite_url(tmp_path / "rung.db")), experiment, age_s=-60.0)
    with pages_only(tmp_path) as url:
        page = browser.new_page()
        open_page(page, f"{url}/live")
        line = page.get_by_role("img", name="Throughput over the last 19 s")
        expect(line).to_be_visible()
        assert line.evaluate("image => image.naturalWidth") > 0
        rungs = page.get_by_test_id("stTable").first
        before = rungs.inner_text()
        run = next(row for row in store.runs.of_experiment(experiment) if row.status == "running")
        store.runs.finish(run.id, "done")
        expect(rungs).not_to_have_text(before, use_inner_text=True, timeout=60_000)
        page.close()
    store.close()
