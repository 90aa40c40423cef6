"""A studio in processes of its own, and a Chromium to look at it with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from app.setup.content import find_browser
from tests.fakes.launch import ROOT, end_group, free_port

START_PATIENCE_S = 120.0
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


@contextmanager
def whole_studio(home: Path, **environment: str) -> Iterator[str]:
    """`python -m app studio`: Streamlit and the worker; the URL once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "app", "studio", "--port", str(port), "--no-browser"]
    with serving(command, home, port, environment) as url:
        yield url


@contextmanager
def pages_only(home: Path, port: int = 0, **environment: str) -> Iterator[str]:
    """Streamlit without a worker, for stores that a test has filled."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app" / "server.py"), "--server.port", str(port)]
    inside = {"PYTHONPATH": str(ROOT), **environment}
    with serving([*command, "--server.headless", "true"], home, port, inside) as url:
        yield url


@contextmanager
def chromium() -> Iterator[Browser]:
    path = find_browser()
    assert path is not None, "there is no Chromium; run: make tools, or set CHROMIUM_PATH"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def file_alone(browser: Browser, path: Path) -> Iterator[Page]:
    """An HTML file that is looked at. Afterwards nothing in it may have failed, nor asked for anything but the file."""
    page = browser.new_page()
    faults: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert faults == []
    assert [url for url in asked if not url.startswith(("blob:", "data:"))] == [path.as_uri()]
    page.close()


def open_page(page: Page, url: str) -> None:
    """Goes there and waits until the page has drawn itself once."""
    page.goto(url)
    page.get_by_role("heading", level=1).wait_for(timeout=60_000)
    settle(page)


def settle(page: Page) -> None:
    """Waits until no script is running."""
    page.locator(SETTLED).wait_for(timeout=60_000)


def choose(page: Page, label: str, option: str | re.Pattern[str]) -> None:
    """Picks an option of a selectbox; the page must lie still, for redrawing and scrolling close the menu."""
    settle(page)
    box = page.get_by_role("combobox", name=label, exact=True)
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    box.click()
    page.get_by_role("option", name=option, exact=True).click()


@contextmanager
def serving(
    command: Sequence[str], home: Path, port: int, environment: dict[str, str], folder: Path = ROOT
) -> Iterator[str]:
    """What `command` serves at that port, from `folder`, until the block ends; the URL once it answers."""
    inherited = {name: value for name, value in os.environ.items() if name != "RUNG_DATABASE_URL"}
    log_path = home / "studio-output.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**inherited, "RUNG_HOME": str(home), **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, log_path)
        yield url
    finally:
        # The studio ends its own children, engines included, when it is asked to; killing comes after that.
        process.terminate()
        try:
            process.wait(timeout=60)
        finally:
            end_group(process)


def _wait(url: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as response:
                if response.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"the studio did not start:\n{log_path.read_text()[-2000:]}")
