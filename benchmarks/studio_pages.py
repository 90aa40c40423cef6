"""How soon can a page be used? The studio on a store of 1,000 runs and 1,000,000 requests, in Chromium.

`python -m benchmarks.studio_pages [--runs 1000] [--requests 1000]` fills a store in a temporary folder, serves it as
`python -m app studio` does, and loads each page anew, from the request until everything on it is drawn and no script
runs. Each opening shows an experiment that was not shown before, with figures of its own, so that none comes from a
cache; ladders are kept in the store as the worker keeps them when an experiment ends. The limit is 1.5 s in the median,
in a browser that was in the studio before. First visits, in which a browser reads Streamlit's and Plotly's programs,
all go to the same experiment and have no limit, nor has the first look at a ladder that nobody has kept, as in a store
of an older version.

On What-if a slider is then moved by the keyboard, from the key until the browser has drawn another figure: 0.2 s in the
median. What takes longer ends the benchmark with exit code 1. "Streamlit alone" tells how much of that is Streamlit's:
a script of a title and a Plotly chart of two bars, and one of a slider and a metric, in the same run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic

from playwright.sync_api import Browser, Page
from sqlalchemy import Connection, text

from app.analysis.scenario import NUMBERS
from app.experiment.results import load_ladder
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import save_prompt_set
from optimizers.prompt import Message, Prompt
from store.database import sqlite_url
from store.store import Store
from tests.e2e.studio import chromium, open_page, serving, settle, whole_studio
from tests.fakes.launch import free_port
from tests.pages import factory

LIMIT_S, SLIDER_LIMIT_S = 1.5, 0.2
KEYS = (
    "quantization", "prefix_caching", "continuous_batching", "speculative_decoding", "context_selection",
    "prompt_compression",
)  # fmt: skip
REPEATS = 3
OPENINGS, FIRST_VISITS = 6, 3
MOVES, PAUSE_MS, STILL_MS = 20, 400, 2000
# Figures are on the page when the browser begins to draw the first picture with them.
WATCH = """() => {
  const figures = () => [...document.querySelectorAll("[data-testid=stMetricValue]")].map(e => e.textContent).join();
  let pressed = null, before = "";
  document.addEventListener("keydown", () => {
    [pressed, before] = [performance.now(), figures()];
    delete document.body.dataset.movedMs;
  }, true);
  new MutationObserver(() => {
    if (pressed === null || figures() === before) return;
    const began = pressed;
    pressed = null;
    requestAnimationFrame(() => { document.body.dataset.movedMs = performance.now() - began; });
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


@dataclass(frozen=True)
class Opened:
    """`address` of the n-th opening; `shown` is what has to be there besides the title. `limit_s` is None where none is
    held."""

    title: str
    address: Callable[[int], str]
    shown: str
    limit_s: float | None = LIMIT_S


PAGES = (
    Opened("Home", lambda _: "", ".js-plotly-plot"),
    Opened("Ladder", lambda at: f"ladder?experiment={at + 2}", ".js-plotly-plot"),
    Opened(
        "Compare, 6 runs", lambda at: f"compare?baseline={at + 2}.0&with={_others(at + 2)}", "[data-testid=stDataFrame]"
    ),
    Opened("What-if", lambda at: f"what-if?curve_from={at + 2}.0&curve_to={at + 2}.5", "[data-testid=stMetric]"),
)
NOT_KEPT = Opened("Ladder, not kept", lambda at: f"ladder?experiment={at + 2 + OPENINGS}", ".js-plotly-plot", None)
ALONE = Opened("Streamlit alone", lambda _: "", ".js-plotly-plot", None)
BARE_CHART = """import plotly.graph_objects as go
import streamlit as st
st.title("Alone")
st.plotly_chart(go.Figure(go.Bar(x=[1, 2], y=[2, 3])))
"""
BARE_SLIDER = """import streamlit as st
st.title("Alone")
st.metric("Figure", st.session_state.get("share", 60.0))
st.slider("Share", 10.0, 100.0, 60.0, 5.0, key="share")
"""
SLIDER = "what-if?curve_from=2.0&curve_to=2.5&requests_per_day=3000000&most_load=60"


@dataclass(frozen=True)
class Row:
    """Seconds of each time; `limit_s` is None where none is held."""

    title: str
    times: list[float]
    limit_s: float | None = None

    @property
    def is_slow(self) -> bool:
        return self.limit_s is not None and median(self.times) > self.limit_s

    def __str__(self) -> str:
        told = "no limit" if self.limit_s is None else f"limit {self.limit_s} s"
        span = f"{min(self.times):.2f} to {max(self.times):.2f}"
        return f"{self.title:28} median {median(self.times):5.2f} s   {span}   {told}"


def _others(experiment: int) -> str:
    return ",".join(f"{experiment}.{rung}" for rung in range(1, 6))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=1000, help="of each run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, began = Path(folder), monotonic()
        runs, requests = fill(home, arguments.runs, arguments.requests)
        size = (home / "rung.db").stat().st_size / 1e6
        print(f"{runs:,} runs, {requests:,} requests, {size:,.0f} MB, written in {monotonic() - began:.0f} s")
        found: list[Row] = []
        with chromium() as browser:
            with whole_studio(home) as url:
                first_visit(browser, url, PAGES[0])
                found += [Row(f"{page.title}, first visit", first_visits(browser, url, page)) for page in PAGES]
                found += [Row(page.title, again(browser, url, page), page.limit_s) for page in (*PAGES, NOT_KEPT)]
                slider = slider_seconds(browser, f"{url}/{SLIDER}", NUMBERS["most_load"].label)
            with script_alone(BARE_CHART, home) as url:
                found.append(Row(f"{ALONE.title}, first visit", first_visits(browser, url, ALONE)))
                found.append(Row(ALONE.title, again(browser, url, ALONE)))
            found.append(Row("What-if, slider", slider, SLIDER_LIMIT_S))
            with script_alone(BARE_SLIDER, home) as url:
                found.append(Row("Streamlit alone, slider", slider_seconds(browser, url, "Share")))
    for row in found:
        print(row)
    return int(any(row.is_slow for row in found))


def fill(home: Path, runs: int, requests: int) -> tuple[int, int]:
    """A ladder made through the real store, and copies of it; how many runs and requests there are then."""
    store = Store.open(sqlite_url(home / "rung.db"))
    prompts = tuple(Prompt(f"p{at}", (Message("user", f"Question {at}"),), expected=str(at)) for at in range(requests))
    save_prompt_set(store, PromptSet("many", prompts), "benchmark")
    factory.finished(store, requests, REPEATS, keys=KEYS, prompt_set="many")
    each = len(store.runs.of_experiment(1))
    with store.engine.begin() as connection:
        for copy in range(1, max(2 * OPENINGS + 2, -(-runs // each))):
            _copy(connection, copy, each)
        counts = [connection.scalar(text(f"select count(*) from {name}")) or 0 for name in ("runs", "requests")]  # noqa: S608
    newest = store.experiments.recent(1)[0].id
    for number in (newest, *range(2, 2 + OPENINGS)):
        load_ladder(store, number)
    store.close()
    return counts[0], counts[1]


def _copy(connection: Connection, number: int, each: int) -> None:
    """Some nanoseconds and tokens are added, so that no figure is one that was worked out before."""
    shifts = {
        "experiments": {"id": number},
        "runs": {"id": number * each, "experiment_id": number},
        "segments": {"run_id": number * each},
        "requests": {
            "run_id": number * each, "first_token_ns": number, "last_token_ns": 2 * number, "end_ns": 3 * number,
            "completion_tokens": number,
        },
    }  # fmt: skip
    where = {"experiments": "id = 1", "runs": "experiment_id = 1"}
    for table, shifted in shifts.items():
        names = [row[1] for row in connection.execute(text(f"pragma table_info({table})"))]
        values = ", ".join(f"{name} + {shifted[name]}" if name in shifted else name for name in names)
        rows = where.get(table, f"run_id <= {each}")
        connection.execute(text(f"insert into {table} select {values} from {table} where {rows}"))  # noqa: S608


@contextmanager
def script_alone(script: str, folder: Path) -> Iterator[str]:
    """A Streamlit of its own with nothing but that script; its URL."""
    (folder / "alone.py").write_text(script)
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "alone.py"), "--server.port", str(port)]
    command += ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
    with serving(command, folder, port, {}, folder) as url:
        yield url


@contextmanager
def new_browser(browser: Browser) -> Iterator[Page]:
    """A page in a browser that has nothing in its cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    try:
        yield context.new_page()
    finally:
        context.close()


def first_visits(browser: Browser, url: str, opened: Opened) -> list[float]:
    return [first_visit(browser, url, opened) for _ in range(FIRST_VISITS)]


def first_visit(browser: Browser, url: str, opened: Opened) -> float:
    with new_browser(browser) as page:
        return seconds(page, f"{url}/{opened.address(OPENINGS - 1)}", opened.shown)


def again(browser: Browser, url: str, opened: Opened) -> list[float]:
    """In a browser that has seen such a page before, but not this one."""
    with new_browser(browser) as page:
        seconds(page, f"{url}/{opened.address(OPENINGS - 1)}", opened.shown)
        return [seconds(page, f"{url}/{opened.address(at)}", opened.shown) for at in range(OPENINGS - 1)]


def seconds(page: Page, url: str, shown: str) -> float:
    """From asking for the page to everything drawn."""
    began = monotonic()
    page.goto(url, wait_until="commit")
    page.get_by_role("heading", level=1).wait_for(timeout=60_000)
    page.locator(shown).first.wait_for(timeout=60_000)
    settle(page)
    return monotonic() - began


def slider_seconds(browser: Browser, url: str, label: str) -> list[float]:
    """For each step of the slider, from the key to the new figure, on a page that lies still."""
    with new_browser(browser) as page:
        return _moves(page, url, label)


def _moves(page: Page, url: str, label: str) -> list[float]:
    open_page(page, url)
    page.wait_for_timeout(STILL_MS)
    page.evaluate(WATCH)
    found = []
    for move in range(MOVES):
        page.get_by_role("slider", name=label).focus()
        page.keyboard.press("ArrowLeft" if move < MOVES / 2 else "ArrowRight")
        moved = page.locator("body[data-moved-ms]")
        moved.wait_for(state="attached", timeout=60_000)
        found.append(float(moved.get_attribute("data-moved-ms") or "") / 1000)
        settle(page)
        page.wait_for_timeout(PAUSE_MS)
    return found


if __name__ == "__main__":
    sys.exit(main())
