"""A report in a browser without a network: its charts draw, its list can be narrowed, and nothing in it acts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from app.prompts.saved import save_starter_sets
from app.reports.html import to_html
from app.reports.report import Answer, Asked
from app.reports.reporting import load_report
from store.store import Store
from tests.e2e.studio import file_alone
from tests.pages import factory

HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"


@pytest.mark.browser
def test_the_page_works_alone_and_shows_hostile_words_as_words(store: Store, tmp_path: Path, browser: Browser) -> None:
    save_starter_sets(store)
    report = load_report(store, factory.finished(store))
    answers = (Answer("Baseline", "yes", True, None, 1.0), Answer("Other", HOSTILE, False, False, 2.0))
    taken = Asked("hostile", HOSTILE, HOSTILE, answers)
    path = tmp_path / "report.html"
    path.write_text(to_html(replace(report, title=HOSTILE, asked=(*report.asked, taken))), encoding="utf-8")
    with file_alone(browser, path) as page:
        page.locator(".chart .bars").first.wait_for(timeout=60_000)
        assert page.locator(".asked").count() == 13
        page.get_by_role("button", name="Regressed (1)").click()
        assert page.locator(".asked:visible").count() == 1
        page.locator(".asked:visible summary").click()
        assert HOSTILE in page.locator(".asked:visible pre").inner_text()
        assert page.title() != "taken"
