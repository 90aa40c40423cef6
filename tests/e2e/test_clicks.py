"""What only a browser can show: a click that stops work, one that goes on with it, and pages that follow by themselves.

The fake engine stands in for vLLM; the studio, the worker and the store are real.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.studio import choose, open_page, settle, whole_studio
from tests.fakes.launch import ENGINE_COMMAND, engine_environment

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    environment = {
        "RUNG_ENGINE_COMMAND": shlex.join(ENGINE_COMMAND),
        "RUNG_STARTER_PROMPTS": "4",
        **engine_environment(ttft_ms=150, itl_ms=5),
    }
    with whole_studio(home, **environment) as url:
        yield url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1440, "height": 900})
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


def test_an_experiment_is_cancelled_and_resumed_to_its_end(studio: str, page: Page) -> None:
    open_page(page, studio)
    expect(page.get_by_text("The worker is not running")).to_have_count(0)
    page.get_by_role("button", name="Start the starter ladder").click()
    # Where the quantizers are installed, the starter model is quantized first.
    expect(page.get_by_text(re.compile(r"^[1-9]\d* of \d+ requests"))).to_be_visible(timeout=5 * 60_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Ladder: starter on support-desk was cancelled")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("heading", name="Latest ladder")).to_be_visible(timeout=5 * 60_000)
    settle(page)
    page.get_by_role("link", name="Open the ladder").click()
    page.wait_for_url(re.compile(r"/ladder\?experiment=\d+$"))
    expect(page.get_by_role("heading", level=2).first).to_contain_text("an answered request costs")


def test_an_engine_is_started_watched_and_stopped(studio: str, page: Page) -> None:
    open_page(page, f"{studio}/models")
    page.get_by_role("button", name="Start engine").click()
    expect(page.locator(".stMarkdownBadge", has_text="ready")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^http://127\.0\.0\.1:\d+/v1$"))).to_be_visible()
    page.get_by_text("The end of its log").click()
    expect(page.get_by_text("--served-model-name starter")).to_be_visible()
    page.get_by_role("button", name="Stop engine").click()
    expect(page.locator(".stMarkdownBadge", has_text="stopped")).to_be_visible()
    expect(page.get_by_role("button", name="Stop engine")).to_have_count(0)


def test_an_imported_set_is_opened_and_its_link_leads_back(studio: str, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"id": "a", "prompt": "First <b>question</b>?"}\n{"id": "b", "prompt": "Second question?"}\n')
    open_page(page, f"{studio}/prompts")
    page.get_by_text("Import a prompt file").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("questions.jsonl")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Import")).last.click()
    expect(page.get_by_text("Imported “questions”.")).to_be_visible()
    settle(page)
    expect(page.get_by_test_id("stCode")).to_have_text("First <b>question</b>?")
    page.wait_for_url(re.compile(r"set=questions"))
    choose(page, "Prompt", "b")
    page.wait_for_url(re.compile(r"prompt=b"))
    page.reload()
    expect(page.get_by_test_id("stCode")).to_have_text("Second question?")


def test_the_chosen_experiment_is_in_the_link_and_back_works(studio: str, page: Page) -> None:
    open_page(page, studio)
    page.get_by_role("button", name="Start the starter ladder").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    open_page(page, f"{studio}/ladder")
    chooser = page.get_by_role("combobox", name="Experiment")
    expect(chooser).to_have_value(re.compile(r"^\d+ · .* · (queued|running)$"))
    newest = int(chooser.input_value().split(" ")[0])
    choose(page, "Experiment", re.compile(f"^{newest - 1} · "))
    page.wait_for_url(re.compile(f"experiment={newest - 1}$"))
    expect(page.get_by_text("an answered request costs")).to_be_visible()
    page.go_back()
    expect(chooser).to_have_value(re.compile(f"^{newest} · "))


def test_an_idea_becomes_a_run_and_its_link_opens_elsewhere(studio: str, page: Page, browser: Browser) -> None:
    open_page(page, f"{studio}/lab")
    measure = page.get_by_role("button", name="Measure")
    expect(measure).to_be_enabled()
    expect(measure).to_be_in_viewport()
    page.get_by_text("Speculative decoding", exact=True).click()
    page.wait_for_url(re.compile("speculative_decoding"))
    tokens = page.get_by_role("spinbutton", name="Number of speculative tokens")
    tokens.fill("2")
    tokens.press("Enter")
    page.wait_for_url(re.compile("num_speculative_tokens%22%3A2"))
    page.get_by_role("button", name="Move up").click()
    page.wait_for_url(re.compile("speculative_decoding.*prefix_caching"))
    link = page.url

    elsewhere = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    open_page(elsewhere, link)
    for title, on in (("Speculative decoding", True), ("Prefix caching", True), ("Continuous batching", False)):
        expect(elsewhere.get_by_role("switch", name=title)).to_be_checked(checked=on)
    order = elsewhere.get_by_text(re.compile(r"^\d\. "))
    expect(order).to_have_text(["1. Speculative decoding", "2. Prefix caching"])
    elsewhere.get_by_text("Settings", exact=True).first.click()
    expect(elsewhere.get_by_role("spinbutton", name="Number of speculative tokens")).to_have_value("2")
    elsewhere.context.close()

    measure.click()
    page.wait_for_url(re.compile(r"/ladder\?experiment=\d+"))
    expect(page.get_by_role("heading", name="Ladder", exact=True)).to_be_visible()
    expect(page.get_by_role("combobox", name="Experiment")).to_have_value(re.compile("Ladder: starter on support-desk"))
    page.go_back()
    page.wait_for_url(link)
    expect(measure).to_be_enabled()


def test_what_is_toggled_is_run_and_compared(studio: str, page: Page) -> None:
    open_page(page, f"{studio}/lab?kind=one_at_a_time&first=4&repeats=2&recipe=%7B%7D")
    expect(page.get_by_role("button", name="Measure")).to_be_disabled()
    page.get_by_text("Continuous batching", exact=True).click()
    expect(page.get_by_role("button", name="Measure")).to_be_enabled()
    page.get_by_role("button", name="Measure").click()
    page.wait_for_url(re.compile(r"/ladder\?experiment=\d+"))
    number = page.url.rpartition("=")[2]
    expect(page.get_by_text("an answered request costs")).to_be_visible(timeout=5 * 60_000)
    open_page(page, f"{studio}/compare?baseline={number}.0")
    expect(page.get_by_text(re.compile(rf"^{number} · Continuous batching: ")).first).to_be_visible()
    page.get_by_role("tab", name="Prompts").click()
    page.wait_for_url(re.compile("compare_view=Prompts"))
    expect(page.get_by_role("radio", name=re.compile(r"^All \(4\)"))).to_be_checked()
    page.get_by_role("link", name="Report").last.click()
    page.wait_for_url(re.compile(r"/reports\?runs="))
    expect(page.get_by_role("heading", level=2).first).to_contain_text("Continuous batching")


def test_a_run_is_cancelled_where_it_is_watched(studio: str, page: Page) -> None:
    open_page(page, f"{studio}/lab?first=32&repeats=9")
    page.get_by_role("button", name="Measure").click()
    page.wait_for_url(re.compile(r"/ladder\?experiment=\d+"))
    number = page.url.rpartition("=")[2]
    open_page(page, f"{studio}/live")
    expect(page.get_by_text(re.compile(r"^[1-9]\d* of [\d,]+ requests"))).to_be_visible(timeout=5 * 60_000)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("was cancelled").first).to_be_visible()
    open_page(page, f"{studio}/ladder?experiment={number}")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_two_tabs_queue_and_closed_ones_leave_their_experiments_going(
    studio: str, page: Page, browser: Browser
) -> None:
    tabs = [browser.new_context().new_page() for _ in range(2)]
    for tab in tabs:
        open_page(tab, f"{studio}/lab")
        expect(tab.get_by_role("button", name="Measure")).to_be_enabled()
    for tab in tabs:
        tab.get_by_role("button", name="Measure").click()
    for tab in tabs:
        tab.wait_for_url(re.compile(r"/ladder\?experiment=\d+"))
    first, second = sorted((tab.url for tab in tabs), key=lambda url: int(url.rpartition("=")[2]))
    assert first != second
    # One queue: while the first is measured, the second waits.
    running, waiting = (next(tab for tab in tabs if tab.url == url) for url in (first, second))
    expect(waiting.get_by_text("Waiting for its turn").first).to_be_visible()
    expect(running.get_by_text(re.compile(r"^[1-9]\d* of [\d,]+ requests"))).to_be_visible(timeout=5 * 60_000)
    for tab in tabs:
        tab.context.close()
    for link in (first, second):
        open_page(page, link)
        expect(page.get_by_text("an answered request costs")).to_be_visible(timeout=5 * 60_000)


def test_the_keyboard_alone_makes_an_idea_a_run(studio: str, page: Page) -> None:
    open_page(page, f"{studio}/lab?kind=one_at_a_time&first=4&repeats=2&recipe=%7B%7D")
    expect(page.get_by_role("button", name="Measure")).to_be_disabled()
    tab_to(page, page.get_by_role("switch", name="Prefix caching"))
    page.keyboard.press("Space")
    page.wait_for_url(re.compile("prefix_caching"))
    expect(page.get_by_role("button", name="Measure")).to_be_enabled()
    tab_to(page, page.get_by_role("button", name="Measure"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/ladder\?experiment=\d+"))
    expect(page.get_by_text("an answered request costs")).to_be_visible(timeout=5 * 60_000)


def tab_to(page: Page, wanted: Locator) -> None:
    """Presses Tab until it has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element.contains(document.activeElement)"):
            return
    raise AssertionError("the keyboard does not get there")


def test_a_scenario_is_the_same_by_its_link(studio: str, page: Page, browser: Browser) -> None:
    open_page(page, f"{studio}/what-if")
    requests = page.get_by_role("spinbutton", name="Requests a day")
    requests.fill("250")
    requests.press("Enter")
    page.wait_for_url(re.compile("=250"))
    settle(page)
    said = page.get_by_role("heading", level=2).first.inner_text()
    elsewhere = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    open_page(elsewhere, page.url)
    expect(elsewhere.get_by_role("spinbutton", name="Requests a day")).to_have_value("250")
    expect(elsewhere.get_by_role("heading", level=2).first).to_have_text(said)
    elsewhere.context.close()
