"""Every page in light and dark: no accessibility violation that axe can find, nothing wider than the window."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from app.prompts.saved import save_starter_sets
from store.database import sqlite_url
from store.settings import Settings
from store.store import Store
from tests.e2e.studio import open_page, pages_only
from tests.pages import factory

pytestmark = pytest.mark.browser
PAGES = (
    "", "ladder?experiment=1", "ladder?experiment=2", "ladder?experiment=3", "ladder", "prompts?set=support-desk",
    "prompts?set=support-desk&show=Shared+beginnings", "prompts?set=support-desk&show=Edit", "lab",
    "live", "what-if?usd_per_hour=1", "models", "reports?experiment=1", "compare?baseline=1.0&with=1.2,1.3",
    "demo?experiment=1", "demo?experiment=1&step=3", "demo?experiment=1&step=5", "demo?experiment=1&step=6&kiosk=1",
    "demo?experiment=1&step=7", "demo?experiment=1&step=2", "reports?runs=1.0,1.2", "ladder?experiment=6",
    "reports?experiment=6", "prompts?set=support-desk&show=Tokens", "prompts?set=support-desk&show=Rename+or+delete",
    "what-if?usd_per_hour=1&what_if_tab=Load+curve", "what-if?usd_per_hour=1&what_if_tab=Rests+on",
    "what-if?usd_per_hour=1&what_if_tab=Volume&api_model=gpt-4o-mini", "what-if?what_if_tab=What+matters",
    "compare?baseline=1.0&with=1.2,1.3&compare_view=Trade-off",
    "compare?baseline=1.0&with=1.2,1.3&compare_view=Prompts",
    "compare?baseline=1.0&with=1.2,1.3&compare_view=Distributions",
    "compare?baseline=1.0&with=1.2,5.1&compare_view=Configuration", "what-if?usd_per_hour=1&what_if_tab=Day",
)  # fmt: skip
FULL_LAB = urlencode(
    {
        "kind": "run",
        "load": "poisson",
        "recipe": '{"prefix_caching":{},"continuous_batching":{},"quantization":{"bits":3},"history_summary":{}}',
    }
)
NARROW, WIDE = 800, 1440
REACHABLE = "[...document.querySelectorAll('pre')].every(p => p.scrollHeight <= p.clientHeight || p.tabIndex >= 0)"
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Finished: a ladder, a full factorial, a leave-one-out and a load sweep. A running ladder, one in the queue, and a
    person's engine that is ready."""
    home = tmp_path_factory.mktemp("busy")
    with filled(home) as store:
        factory.finished(store, failures=1)
        factory.finished(store, kind="factorial")
        factory.finished(store, kind="leave_one_out")
        running = factory.running(store)
        # Of an hour ahead, so that they do not grow old while the tests run.
        factory.readings(store, Settings(home, sqlite_url(home / "rung.db")), running, age_s=-3600.0)
        factory.queued(store, "Ladder: another on unique")
        factory.swept(store)
        engine = store.engines.request({"model": "starter", "recipe": []})
        (home / "engine-1.log").write_text("loading\nready\n" * 30)
        store.engines.launched(engine, 1, 0.0, "http://127.0.0.1:4321", str(home / "engine-1.log"), {})
        store.engines.ready(engine, "http://127.0.0.1:4321")
    with pages_only(home) as url, beating(home):
        yield url


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A studio for viewers only, with a finished ladder; and nothing that they could change."""
    home = tmp_path_factory.mktemp("shared")
    with filled(home) as store:
        factory.finished(store)
    with pages_only(home, RUNG_READ_ONLY="1") as url:
        yield url


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A studio in which nothing has been measured, not even elsewhere."""
    home = tmp_path_factory.mktemp("empty")
    with filled(home):
        pass
    with pages_only(home) as url:
        yield url


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An experiment that failed, with its log, and no worker."""
    home = tmp_path_factory.mktemp("stopped")
    with filled(home) as store:
        (home / "engine-1.log").write_text("no memory\n" * 60)
        factory.stopped(store, "failed", "the engine ended: no memory", str(home / "engine-1.log"))
    with pages_only(home) as url:
        yield url


@contextmanager
def filled(home: Path) -> Iterator[Store]:
    store = Store.open(sqlite_url(home / "rung.db"))
    save_starter_sets(store)
    yield store
    store.close()


@contextmanager
def beating(home: Path) -> Iterator[None]:
    """A worker's heartbeat without a worker."""
    store, stop = Store.open(sqlite_url(home / "rung.db")), threading.Event()
    store.workers.register(1, 0.0, "here")

    def beat() -> None:
        while not stop.wait(1.0):
            store.workers.beat()

    thread = threading.Thread(target=beat)
    thread.start()
    yield
    stop.set()
    thread.join()
    store.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_busy_studio_is_for_everyone(busy: str, browser: Browser, path: str, scheme: Scheme) -> None:
    check(busy, browser, path, scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "live", "ladder"])
def test_a_stopped_experiment_is_for_everyone(stopped: str, browser: Browser, path: str, scheme: Scheme) -> None:
    check(stopped, browser, path, scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "ladder", "lab", "prompts", "models", "reports"])
def test_a_viewers_studio_is_for_everyone(shared: str, browser: Browser, path: str, scheme: Scheme) -> None:
    check(shared, browser, path, scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "live", "ladder", "compare", "what-if", "reports", "demo"])
def test_an_empty_studio_is_for_everyone(empty: str, browser: Browser, path: str, scheme: Scheme) -> None:
    check(empty, browser, path, scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_full_lab_is_for_everyone(stopped: str, browser: Browser, scheme: Scheme) -> None:
    check(stopped, browser, f"lab?{FULL_LAB}", scheme)


def check(url: str, browser: Browser, path: str, scheme: Scheme) -> None:
    page = browser.new_page(color_scheme=scheme, viewport={"width": WIDE, "height": 900})
    try:
        open_page(page, f"{url}/{path}")
        assert not page.get_by_test_id("stException").count()
        # Streamlit lets the keyboard into a block that scrolls once it has seen that it does.
        page.wait_for_function(REACHABLE)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        page.set_viewport_size({"width": NARROW, "height": 900})
        assert settled_overflow(page) == 0
    finally:
        page.close()


def settled_overflow(page: Page) -> int:
    """The overflow once charts have followed the window, which takes a busy machine seconds."""
    for _ in range(40):
        page.wait_for_timeout(500)
        if overflow(page) == 0:
            break
    return overflow(page)


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than the window."""
    return int(
        page.evaluate(
            "() => Math.max(0, ...[document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".map(e => e.scrollWidth - e.clientWidth))"
        )
    )
