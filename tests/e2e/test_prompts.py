"""A file with two bad rows, imported without them, edited in one cell, saved, found in the list, and replayed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from store.database import sqlite_url
from store.store import Store
from tests.e2e.studio import open_page, settle, whole_studio
from tests.fakes.launch import ENGINE_COMMAND, engine_environment

pytestmark = pytest.mark.browser
ROWS = '{"id": "a", "prompt": "One?"}\n{"name": "Ada"}\n{"id": "b", "prompt": "Two?"}\nno json\n'


def test_import_edit_and_replay(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(ROWS)
    home = tmp_path / "home"
    home.mkdir()
    engine = {"RUNG_ENGINE_COMMAND": shlex.join(ENGINE_COMMAND), **engine_environment(ttft_ms=20, itl_ms=1)}
    with whole_studio(home, **engine) as url:
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        open_page(page, f"{url}/prompts")
        page.get_by_text("Import a prompt file").click()
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_role("button", name="Import the 2 good rows").click()
        expect(page.get_by_text("Imported “questions”.")).to_be_visible()
        settle(page)
        page.get_by_role("tab", name="Edit").click()
        expect(page.get_by_text("Nothing has been changed.")).to_be_visible()
        settle(page)
        table = page.locator("[data-testid=stDataFrame]").last
        table.scroll_into_view_if_needed()
        page.wait_for_timeout(1000)
        box = table.bounding_box()
        assert box is not None
        # A canvas: the first row's text stands in the wide column, right of the system text.
        page.mouse.click(box["x"] + box["width"] * 0.45, box["y"] + 52)
        page.wait_for_timeout(500)
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("Three?", delay=30)
        page.wait_for_timeout(300)
        page.keyboard.press("Enter")
        expect(page.get_by_text("1 changed, 0 added, 0 deleted")).to_be_visible()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved as “questions-2”.")).to_be_visible()
        expect(page.get_by_role("combobox", name="Set", exact=True)).to_have_value("questions-2")
        open_page(page, f"{url}/lab?send=questions-2&kind=run&repeats=1&recipe=%7B%7D")
        page.get_by_role("button", name="Measure").click()
        page.wait_for_url(re.compile(r"/ladder\?experiment=\d+"))
        expect(page.get_by_text("One recipe was measured, with none to compare")).to_be_visible(timeout=5 * 60_000)
        page.close()
    store = Store.open(sqlite_url(home / "rung.db"))
    saved = {
        row.name: [body["prompt"] for body in store.prompt_sets.bodies(row.id)]
        for row in store.prompt_sets.all()
        if row.name.startswith("questions")
    }
    experiment = store.experiments.recent(1)[0]
    (run,) = store.runs.of_experiment(experiment.id)
    replayed = [body["prompt"] for body in store.prompt_sets.bodies(experiment.spec["prompt_set_id"])]
    answered = [(request.position, request.error) for request in store.runs.requests(run.id)]
    store.close()
    assert saved["questions"] == ["One?", "Two?"]
    assert saved["questions-2"] == replayed == ["Three?", "Two?"]
    assert (run.status, answered) == ("done", [(0, None), (1, None)])
