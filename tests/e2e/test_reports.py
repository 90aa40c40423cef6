"""A report in a browser without a network: its charts draw, its list can be narrowed, and nothing in it acts."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from pypdf import PdfReader

from app.prompts.saved import save_starter_sets
from app.reports.html import to_html
from app.reports.report import Answer, Asked
from app.reports.reporting import load_report
from store.database import sqlite_url
from store.store import Store
from tests.e2e.studio import file_alone, open_page, pages_only
from tests.pages import factory

FORMS = {
    "html": "HTML", "pdf": "PDF", "md": "Markdown", "csv": "CSV", "json": "JSON", "prompts.csv": "CSV of prompts",
}  # fmt: skip
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


@pytest.mark.browser
def test_every_form_is_downloaded_and_says_the_same(tmp_path: Path, browser: Browser) -> None:
    store = Store.open(sqlite_url(tmp_path / "rung.db"))
    save_starter_sets(store)
    number = factory.finished(store)
    store.close()
    forms: dict[str, bytes] = {}
    with pages_only(tmp_path) as url:
        page = browser.new_page(viewport={"width": 1440, "height": 1200})
        open_page(page, f"{url}/reports?experiment={number}")
        headline = page.get_by_role("heading", level=2).first.inner_text()
        for form, title in FORMS.items():
            with page.expect_download() as download:
                page.get_by_role("button", name=title, exact=True).click()
            assert download.value.suggested_filename == f"rung-{number}.{form}"
            forms[form] = Path(download.value.path()).read_bytes()
        page.close()
    assert sorted(forms) == sorted(FORMS)
    told = headline[:60]
    assert told in forms["html"].decode()
    assert told in forms["md"].decode()
    words = " ".join("".join(sheet.extract_text() for sheet in PdfReader(BytesIO(forms["pdf"])).pages).split())
    assert told[:40] in words
    rows = list(csv.DictReader(StringIO(forms["csv"].decode())))
    document = json.loads(forms["json"])
    # A cell that begins with + is a formula to a spreadsheet, so it is kept from being one.
    assert [row["label"].removeprefix("'") for row in rows] == [rung["label"] for rung in document["rungs"]]
    assert len(list(csv.DictReader(StringIO(forms["prompts.csv"].decode())))) == 12 * len(rows)
    assert document["repeat"][0].startswith("python -m app ladder --model starter")
