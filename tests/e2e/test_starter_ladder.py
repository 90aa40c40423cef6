"""The whole way through Rung by one click: a real vLLM, the worker, and a browser that is closed in the middle."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.preparation.quantizers import is_ready
from tests.e2e.studio import open_page, settle, whole_studio

PROMPTS = 8
QUANTIZED = is_ready("llmcompressor")
TITLES = (
    *(["Quantization"] if QUANTIZED else []),
    "Prefix caching",
    "Continuous batching",
    "Speculative decoding",
    "Context selection",
    "Prompt compression",
)
ENGINES = 4 if QUANTIZED else 3
RUNGS = 2 + len(TITLES)
REQUESTS = RUNGS * 3 * PROMPTS
MINUTE_MS = 60_000
PATIENCE_MS = 25 * MINUTE_MS


@pytest.mark.engine
@pytest.mark.browser
@pytest.mark.timeout(40 * 60)
def test_one_click_measures_the_starter_ladder(tmp_path: Path, browser: Browser) -> None:
    with whole_studio(tmp_path, RUNG_STARTER_PROMPTS=str(PROMPTS)) as url:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        open_page(page, url)
        expect(page.get_by_text(f"the first {PROMPTS} of 128")).to_be_visible()
        page.get_by_role("button", name="Start the starter ladder").click()

        some_done = re.compile(rf"^[1-9]\d* of {REQUESTS} requests")
        expect(page.get_by_text(some_done).first).to_be_visible(timeout=5 * MINUTE_MS)
        expect(page.get_by_text("Starter ladder", exact=True)).to_have_count(0)
        page.reload()
        expect(page.get_by_text(some_done).first).to_be_visible()
        expect(page.get_by_role("button", name="Cancel")).to_be_enabled()
        page.close()

        page = browser.new_page(viewport={"width": 1440, "height": 900})
        open_page(page, url)
        expect(page.get_by_role("heading", name="Latest ladder")).to_be_visible(timeout=PATIENCE_MS)
        settle(page)
        page.get_by_role("link", name="Open the ladder").click()
        page.wait_for_url(re.compile(r"/ladder\?experiment=\d+$"))
        # Eight prompts do not tell which rung leads: that goes by how many answers each of them keeps.
        expect(page.get_by_role("heading", level=2).first).to_contain_text("an answered request costs")
        bars = page.get_by_role("figure", name="Relative cost by rung").first
        for technique in TITLES:
            expect(bars).to_have_accessible_name(re.compile(rf"\+ {technique} \d"))
        evidence = page.get_by_test_id("stTable").first
        for technique in TITLES:
            expect(evidence.get_by_role("row").filter(has_text=technique)).to_contain_text(
                re.compile("took effect|no effect|not observable")
            )
        for technique in {"Quantization", "Prefix caching", "Context selection", "Prompt compression"} & {*TITLES}:
            expect(evidence.get_by_role("row").filter(has_text=technique)).to_contain_text("took effect")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download as JSON").click()
        document = json.loads(Path(download.value.path()).read_text())

    assert document["status"] == "done"
    assert document["engine_starts"] == ENGINES
    assert len(document["rungs"]) == RUNGS
    for rung in document["rungs"]:
        assert rung["status"] == "done"
        assert rung["relative_cost"] > 0
        assert rung["metrics"]["ttft_ms"]["p50"] > 0
        assert (rung["requests"], rung["errors"]) == (3 * PROMPTS, 0)
    assert all(rung["evidence"] for rung in document["rungs"] if rung["adds"])
