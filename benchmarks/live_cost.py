"""What does it cost a measurement to be watched? Runs with and without the Live page open in Chromium, in turn.

`python -m benchmarks.live_cost [--pairs 8] [--seconds 8]` starts the studio as people do, with its worker, and has it
measure a fake engine as fast as both go, 64 requests in flight. Each run comes in a pair, watched and not, in
alternating order. The page is opened in a run before the measured one, so that watching is measured and not opening.

The limit is 1 % of the requests per second, and the benchmark ends with exit code 1 where the whole 95 % interval of
the ratio lies beyond it. Those who watch mostly do so from another machine, but this Chromium runs on the measured
cores. So it is lowered as far as it goes; `--browser-here` leaves it as a person's own would be. The processor time
that watching took is told for both: where every core is busy it is what watching costs, whoever stands first.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from math import exp, log, sqrt
from pathlib import Path
from statistics import fmean, stdev
from time import monotonic, sleep

import psutil
from playwright.sync_api import BrowserContext, Page

from app.analysis.statistics import Estimate
from app.engine.priority import LOWEST, put_behind
from app.experiment.queue import enqueue
from app.experiment.spec import ExperimentSpec, Rung
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import save_prompt_set
from app.replay.load import LoadProfile
from optimizers.prompt import Message, Prompt
from optimizers.recipe import Recipe
from store.database import sqlite_url
from store.store import Store
from tests.e2e.studio import chromium, open_page, whole_studio
from tests.fakes.launch import engine_process

LIMIT = 0.99
IN_FLIGHT = 64
PROMPTS = 40_000
FIRST_REQUESTS = 2_000
RUNS = 8
"""In the first of them the page opens, the next is measured, and the rest, which a slow opening may need, cancelled."""
POLL_S = 0.1


@dataclass
class Side:
    """Requests per second of each run, and the processor seconds per second that pages and browser took meanwhile."""

    rates: list[float] = field(default_factory=list)
    studio: list[float] = field(default_factory=list)
    browser: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Bench:
    store: Store
    prompt_set: int
    engine: str
    studio: str

    def queue(self, requests: int, runs: int) -> int:
        spec = ExperimentSpec(
            "run", self.prompt_set, (Rung("bench", Recipe.of([("continuous_batching", {})])),), endpoint=self.engine,
            prompt_limit=requests, load=LoadProfile("closed_loop", IN_FLIGHT), repeats=runs, warm_up=0,
        )  # fmt: skip
        return enqueue(self.store, spec, "benchmark")

    def wait_for(self, experiment: int, repeat: int, status: str) -> None:
        while self.store.runs.of_experiment(experiment)[repeat].status not in (status, "done"):
            row = self.store.experiments.get(experiment)
            if row.status not in ("queued", "running", "done"):
                raise RuntimeError(f"the experiment {row.status}: {row.error}")
            sleep(POLL_S)

    def rate(self, experiment: int, repeat: int) -> float:
        summary = self.store.runs.of_experiment(experiment)[repeat].summary or {}
        return float(summary["metrics"]["requests_per_s"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each run, about")
    parser.add_argument("--browser-here", action="store_true", help="Chromium is not lowered")
    arguments = parser.parse_args()
    if arguments.pairs < 2:
        parser.error("--pairs: at least 2, for an interval")
    prompts = tuple(Prompt(f"p{at}", (Message("user", f"Question {at}"),)) for at in range(PROMPTS))
    sides = {True: Side(), False: Side()}
    with tempfile.TemporaryDirectory() as folder, engine_process() as server, whole_studio(Path(folder)) as studio:
        server.wait_until_bound()
        put_behind(server.process.pid)
        store = Store.open(sqlite_url(Path(folder) / "rung.db"))
        row, _ = save_prompt_set(store, PromptSet("bench", prompts), "benchmark")
        bench = Bench(store, row.id, server.url, studio)
        first = bench.queue(FIRST_REQUESTS, 1)
        bench.wait_for(first, 0, "done")
        requests = min(PROMPTS, max(FIRST_REQUESTS, round(bench.rate(first, 0) * arguments.seconds)))
        print(f"{requests:,} requests a run, {IN_FLIGHT} in flight, {bench.rate(first, 0):,.0f} requests/s at first")
        with chromium() as opened:
            # One context: what the first opening loads stays loaded, here and in the studio.
            browser = opened.new_context(viewport={"width": 1440, "height": 1000})
            if not arguments.browser_here:
                for process in _family("chrom"):
                    put_behind(process.pid, LOWEST)
            idle = browser.new_page()
            open_page(idle, f"{studio}/live")
            idle.close()
            for number in range(arguments.pairs):
                for watched in (True, False) if number % 2 else (False, True):
                    one_run(bench, browser, requests, watched, sides[watched])
                print(f"pair {number + 1}: " + told(sides[True].rates[-1], sides[False].rates[-1]), flush=True)
        store.close()
    return report(sides[True], sides[False])


def one_run(bench: Bench, browser: BrowserContext, requests: int, watched: bool, side: Side) -> None:
    experiment = bench.queue(requests, RUNS)
    bench.wait_for(experiment, 0, "running")
    page: Page | None = browser.new_page() if watched else None
    if page is not None:
        open_page(page, f"{bench.studio}/live")
        page.get_by_text("Output rate").first.wait_for()
    states = [run.status for run in bench.store.runs.of_experiment(experiment)]
    if "queued" not in states:
        raise RuntimeError(f"the page was not open within {RUNS} runs; give more --seconds")
    measured = states.index("queued")
    bench.wait_for(experiment, measured, "running")
    began, studio, chrome = monotonic(), _seconds("streamlit"), _seconds("chrom")
    bench.wait_for(experiment, measured, "done")
    passed = monotonic() - began
    side.rates.append(bench.rate(experiment, measured))
    side.studio.append((_seconds("streamlit") - studio) / passed)
    side.browser.append((_seconds("chrom") - chrome) / passed)
    if page is not None:
        page.close()
    bench.store.experiments.request_cancel(experiment)
    while bench.store.experiments.unfinished():
        sleep(POLL_S)


def told(watched: float, alone: float) -> str:
    return f"{watched:,.0f} requests/s watched, {alone:,.0f} not: ratio {watched / alone:.4f}"


def report(watched: Side, alone: Side) -> int:
    logs = [log(one / other) for one, other in zip(watched.rates, alone.rates, strict=True)]
    ratio = Estimate(fmean(logs), stdev(logs) / sqrt(len(logs)), len(logs) - 1)
    low, high = exp(ratio.interval.low), exp(ratio.interval.high)
    if low >= LIMIT:
        verdict = "within the limit"
    else:
        verdict = "beyond the limit" if high < LIMIT else "not decided: the interval holds the limit"
    print(f"watched / not: {exp(ratio.value):.4f} ({low:.4f} to {high:.4f}); limit {LIMIT}: {verdict}")
    for name, one, other in (
        ("the studio", watched.studio, alone.studio),
        ("Chromium", watched.browser, alone.browser),
    ):
        share = 100 * (fmean(one) - fmean(other)) / (psutil.cpu_count() or 1)
        print(f"watching took {share:.2f} % of all cores in {name}")
    return int(high < LIMIT)


def _seconds(word: str) -> float:
    """Processor time so far of this program's descendants with that word in their command."""
    total = 0.0
    for process in _family(word):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _family(word: str) -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any(word in part for part in process.cmdline()[:3]):
                found.append(process)
    return found


if __name__ == "__main__":
    sys.exit(main())
