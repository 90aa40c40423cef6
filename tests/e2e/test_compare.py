"""Compare in a browser: what models wrote is only shown, differences are marked, and a link opens the same view."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from sqlalchemy import update

from app.experiment.comparing import find_pairings
from app.prompts.saved import save_starter_sets
from app.reports.reporting import rendered_comparison
from store.database import sqlite_url
from store.store import Store
from store.tables import RequestRow
from tests.e2e.studio import file_alone, open_page, pages_only, settle
from tests.pages import factory

pytestmark = pytest.mark.browser
HOSTILE = "</div><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"> **b** <del>"
VIEWS = ("Summary", "Trade-off", "Distributions", "Prompts", "Configuration")


def fill(home: Path) -> Store:
    """A ladder in which every answer of the rung with prefix caching is hostile."""
    store = Store.open(sqlite_url(home / "rung.db"))
    save_starter_sets(store)
    number = factory.finished(store)
    runs = [run.id for run in store.runs.of_experiment(number) if run.rung == 2]
    with store.runs._session.begin() as session:
        session.execute(update(RequestRow).where(RequestRow.run_id.in_(runs)).values(text=HOSTILE))
    return store


def test_answers_side_by_side_are_text_and_every_view_is_for_everyone(tmp_path: Path, browser: Browser) -> None:
    store = fill(tmp_path)
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    with pages_only(tmp_path) as url:
        link = f"{url}/compare?baseline=1.0&with=1.2,1.3&compare_prompt=1"
        for view in VIEWS:
            open_page(page, f"{link}&compare_view={view}")
            page.get_by_role("tab", name=view, selected=True).wait_for()
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        open_page(page, f"{link}&compare_view=Prompts")
        page.get_by_role("heading", name="Prompt 1 ").wait_for()
        page.locator("ins").first.wait_for()
        settle(page)
        marked = page.locator("ins").all_inner_texts()
        assert any("<script>document.title='taken'</script>" in text for text in marked)
        assert page.locator("del").count() > 0
        assert page.locator("ins").first.evaluate("e => getComputedStyle(e).textDecorationLine") == "underline"
        assert page.locator("del").first.evaluate("e => getComputedStyle(e).textDecorationLine") == "line-through"
        assert page.locator("[data-testid=stMain] img[src=x]").count() == 0
        assert page.title() != "taken"
    page.close()
    store.close()


def test_a_report_of_compared_runs_works_alone(tmp_path: Path, browser: Browser) -> None:
    store = fill(tmp_path)
    path = tmp_path / "compared.html"
    path.write_bytes(rendered_comparison(store, *find_pairings(store, ["1.0", "1.2", "1.3"]), "html"))
    store.close()
    with file_alone(browser, path) as page:
        page.locator(".chart .main-svg").first.wait_for(timeout=60_000)
        assert page.locator(".chart").count() >= 5
        page.locator(".asked summary").first.click()
        assert page.get_by_text("onerror").first.is_visible()
        assert page.title() != "taken"
