"""The Models page by clicks, with nothing faked: a starter model is quantized, and a real vLLM answers one prompt.

Quantizing needs llm-compressor's environment, which `make quantizers` makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.engine.builtin import STARTER
from app.engine.checkpoint import read_checkpoint
from app.experiment.companions import companion_settings
from app.preparation.quantizers import environment
from app.prompts.saved import find_prompts, load_prompt_set
from optimizers.quantization import METHODS
from store.database import sqlite_url
from store.store import Store
from tests.e2e.studio import choose, open_page, whole_studio

TOOL = "llmcompressor"
# The first that a starter model has on this processor.
METHOD = companion_settings(STARTER)["quantization"]["method"]
MINUTE_MS = 60_000
PATIENCE_MS = 10 * MINUTE_MS
pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.timeout(20 * 60)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def studio(home: Path) -> Iterator[str]:
    with whole_studio(home) as url:
        yield url


@pytest.fixture
def page(browser: Browser, studio: str) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1440, "height": 1000})
    opened.set_default_timeout(3 * MINUTE_MS)
    open_page(opened, f"{studio}/models")
    yield opened
    opened.close()


def test_a_starter_model_is_quantized_watched_and_listed(page: Page, home: Path) -> None:
    """The larger of the two with all its texts: on a fast machine the smaller is made between two looks of the page."""
    tool = environment(TOOL)
    if not tool.ready():
        pytest.skip(f"there is no {tool.name}; make it with: make quantizers")
    page.get_by_text("Quantize a model", exact=True).click()
    choose(page, "Model to quantize", STARTER)
    choose(page, "Method", METHODS[METHOD].title)
    page.get_by_role("textbox", name="Name of the result").fill("small")
    page.get_by_role("button", name="Quantize", exact=True).click()
    step = "loading|perplexity|quantizing|layer|saving"
    expect(page.get_by_text(re.compile(rf"^Quantize {STARTER} as small: ({step})"))).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Cancel")).to_be_enabled()
    done = page.get_by_text(re.compile(rf"^Quantize {STARTER} as small is done: weights .* smaller\)"))
    expect(done).to_be_visible(timeout=PATIENCE_MS)
    # The table is a canvas; its cells stand beneath it for those who do not see it.
    expect(page.locator("td[role=gridcell]").get_by_text("small", exact=True)).to_have_count(1)
    choose(page, "Model to load", "small")
    store = Store.open(sqlite_url(home / "rung.db"))
    saved = store.models.find("small")
    store.close()
    assert saved is not None
    made = read_checkpoint(Path(saved.location))
    assert (made.quantization, made.quantized_bits) == ("compressed-tensors", METHODS[METHOD].bits)


def test_one_prompt_is_asked_of_a_real_engine(page: Page, home: Path) -> None:
    store = Store.open(sqlite_url(home / "rung.db"))
    prompt = load_prompt_set(store, find_prompts(store, "extraction").id).prompts[0]
    store.close()
    assert prompt.expected is not None
    choose(page, "Model to load", STARTER)
    page.get_by_role("button", name="Start engine").click()
    expect(page.locator(".stMarkdownBadge", has_text="starting")).to_be_visible()
    expect(page.locator(".stMarkdownBadge", has_text="ready")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("textbox", name="Prompt", exact=True).fill(prompt.messages[0].content)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(re.compile(r"chat=chat-[0-9a-f]+"))
    for title in ("TTFT", "TPOT"):
        figure = page.get_by_test_id("stMetric").filter(has_text=title)
        expect(figure.get_by_test_id("stMetricValue")).to_have_text(re.compile(r"^[\d,.]*[1-9][\d,.]* ms$"))
    answer = page.get_by_test_id("stCode").last
    expect(answer).to_contain_text(prompt.expected.splitlines()[0])
    said = answer.inner_text()
    page.reload()
    expect(page.get_by_test_id("stCode").last).to_have_text(said)
    page.get_by_role("button", name="Stop engine").click()
    expect(page.locator(".stMarkdownBadge", has_text="stopped")).to_be_visible()
