"""How soon can a page be used? The studio on a store of 1,000 runs and 1,000,000 requests, in Chromium.

`python -m benchmarks.studio_pages [--runs 1000] [--requests 1000]` fills a store in a temporary folder, serves it as
`python -m app studio` does, and opens each page in a tab of its own, from the request until everything on it is drawn
and no script runs. Each opening shows an experiment that was not shown before, so that nothing comes from a cache. The
limit is 1.5 s in the median; what takes longer ends the benchmark with exit code 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic

from playwright.sync_api import Browser, Page
from sqlalchemy import Connection, text

from app.prompts.prompt_set import PromptSet
from app.prompts.saved import save_prompt_set
from optimizers.prompt import Message, Prompt
from store.database import sqlite_url
from store.store import Store
from tests.e2e.studio import chromium, pages_only, settle
from tests.pages import factory

LIMIT_S = 1.5
KEYS = (
    "quantization", "prefix_caching", "continuous_batching", "speculative_decoding", "context_selection",
    "prompt_compression",
)  # fmt: skip
REPEATS = 3
OPENINGS = 5


@dataclass(frozen=True)
class Opened:
    """`address` of the n-th opening; `shown` is what has to be there besides the title."""

    title: str
    address: Callable[[int], str]
    shown: str


PAGES = (
    Opened("Home", lambda _: "", ".js-plotly-plot"),
    Opened("Ladder", lambda at: f"ladder?experiment={at + 2}", ".js-plotly-plot"),
    Opened(
        "Compare, 6 runs", lambda at: f"compare?baseline={at + 2}.0&with={_others(at + 2)}", "[data-testid=stDataFrame]"
    ),
    Opened("What-if", lambda at: f"what-if?curve_from={at + 2}.0&curve_to={at + 2}.5", "[data-testid=stMetric]"),
)


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
        with pages_only(home) as url, chromium() as browser:
            seconds(browser, url, PAGES[0].shown)
            found = {
                page.title: [seconds(browser, f"{url}/{page.address(at)}", page.shown) for at in range(OPENINGS)]
                for page in PAGES
            }
    late = False
    for title, times in found.items():
        late = late or median(times) > LIMIT_S
        print(f"{title:20} median {median(times):5.2f} s   {min(times):.2f} to {max(times):.2f}   limit {LIMIT_S} s")
    return int(late)


def fill(home: Path, runs: int, requests: int) -> tuple[int, int]:
    """A ladder made through the real store, and copies of it; how many runs and requests there are then."""
    store = Store.open(sqlite_url(home / "rung.db"))
    prompts = tuple(Prompt(f"p{at}", (Message("user", f"Question {at}"),), expected=str(at)) for at in range(requests))
    save_prompt_set(store, PromptSet("many", prompts), "benchmark")
    factory.finished(store, requests, REPEATS, keys=KEYS, prompt_set="many")
    each = len(store.runs.of_experiment(1))
    with store.engine.begin() as connection:
        for copy in range(1, max(OPENINGS + 2, -(-runs // each))):
            _copy(connection, copy, each)
        counts = [connection.scalar(text(f"select count(*) from {name}")) or 0 for name in ("runs", "requests")]  # noqa: S608
    store.close()
    return counts[0], counts[1]


def _copy(connection: Connection, number: int, each: int) -> None:
    shifts = {
        "experiments": {"id": number},
        "runs": {"id": number * each, "experiment_id": number},
        "segments": {"run_id": number * each},
        "requests": {"run_id": number * each},
    }
    where = {"experiments": "id = 1", "runs": "experiment_id = 1"}
    for table, shifted in shifts.items():
        names = [row[1] for row in connection.execute(text(f"pragma table_info({table})"))]
        values = ", ".join(f"{name} + {shifted[name]}" if name in shifted else name for name in names)
        rows = where.get(table, f"run_id <= {each}")
        connection.execute(text(f"insert into {table} select {values} from {table} where {rows}"))  # noqa: S608


def seconds(browser: Browser, url: str, shown: str) -> float:
    """From asking for the page to everything drawn, in a browser that has nothing of it."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page: Page = context.new_page()
    began = monotonic()
    page.goto(url, wait_until="commit")
    page.get_by_role("heading", level=1).wait_for(timeout=60_000)
    page.locator(shown).first.wait_for(timeout=60_000)
    settle(page)
    spent = monotonic() - began
    context.close()
    return spent


if __name__ == "__main__":
    sys.exit(main())
