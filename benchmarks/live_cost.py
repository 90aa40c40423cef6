"""What does it cost a measurement to be watched? One long run, at which the Live page looks and does not in turn.

`python -m benchmarks.live_cost [--pairs 40] [--seconds 20]` starts the studio as people do, with its worker, and has it
measure a fake engine as fast as both go, 64 requests in flight. The Live page is open in Chromium all the while; each
pair is a stretch in which it looks as it does for people, and one in which it stands still, in alternating order.
Within a run the rate drifts slowly, so neighbours are alike but for the looking. About 35 minutes.

The limit is 1 % of the output tokens per second, and the benchmark ends with exit code 1 where the whole 95 % interval
of the ratio lies beyond it. Those who watch mostly do so from another machine, but this Chromium runs on the measured
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
from time import monotonic, sleep, time

import psutil
from playwright.sync_api import Page

from app.analysis.statistics import Estimate
from app.engine.priority import LOWEST, put_behind
from app.experiment.live_file import live_path, read_live_run
from app.experiment.queue import enqueue
from app.experiment.spec import ExperimentSpec, Rung
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import save_prompt_set
from app.replay.load import LoadProfile
from optimizers.prompt import Message, Prompt
from optimizers.recipe import Recipe
from store.database import sqlite_url
from store.settings import Settings
from store.store import Store
from tests.e2e.studio import chromium, open_page, whole_studio
from tests.fakes.launch import engine_process

LIMIT = 0.99
IN_FLIGHT = 64
TOKENS = 512
"""Of each answer: the studio saves requests, not tokens, and a run of many short ones would fill the disk."""
PROMPTS = 40_000
LONGEST_S = 180.0
"""Stretches of a run, which has prompts for a little longer at 100,000 tokens a second."""
FIRST_S = 15.0
"""Of each run, in which engine and client find their pace."""
GATE = """
const begin = window.setInterval;
window.setInterval = (run, every, ...more) => begin(
    typeof run === "function" && every >= 1000 ? (...given) => { if (!window.standsStill) run(...given) } : run,
    every, ...more);
"""
"""Lets the page's own timers, by which it looks, do nothing while it is told to stand still. A clock of Playwright's
takes a processor itself."""
SETTLE_S = 1.5
"""Of each stretch, at its beginning: readings are a second apart, and what was begun before ends."""


@dataclass
class Side:
    """Output tokens per second in each stretch, and the processor seconds per second that pages and browser took."""

    rates: list[float] = field(default_factory=list)
    studio: list[float] = field(default_factory=list)
    browser: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Bench:
    store: Store
    prompt_set: int
    settings: Settings
    engine: str

    def begin(self) -> int:
        spec = ExperimentSpec(
            "run", self.prompt_set, (Rung("bench", Recipe.of([("continuous_batching", {})])),), endpoint=self.engine,
            prompt_limit=PROMPTS, load=LoadProfile("closed_loop", IN_FLIGHT), repeats=1, warm_up=0,
        )  # fmt: skip
        return enqueue(self.store, spec, "benchmark")

    def end(self, experiment: int) -> None:
        self.store.experiments.request_cancel(experiment)
        while self.store.experiments.unfinished():
            sleep(0.1)

    def rate(self, since: float, until: float) -> float:
        """Output tokens per second by the readings between two moments, as `time()`."""
        live = read_live_run(live_path(self.settings))
        if live is None:
            raise RuntimeError(
                f"{PROMPTS:,} prompts ended within {LONGEST_S:.0f} s: raise PROMPTS on a machine this fast"
            )
        began = live.written_at - live.readings[-1].at_s
        inside = [reading for reading in live.readings if since <= began + reading.at_s <= until]
        if len(inside) < 2:
            raise RuntimeError("too few readings; give more --seconds")
        first, last = inside[0], inside[-1]
        return (last.output_tokens - first.output_tokens) / (last.at_s - first.at_s)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each stretch")
    parser.add_argument("--browser-here", action="store_true", help="Chromium is not lowered")
    arguments = parser.parse_args()
    if arguments.pairs < 2:
        parser.error("--pairs: at least 2, for an interval")
    if not 5 <= arguments.seconds <= 60:
        parser.error("--seconds: from 5, for readings are a second apart, to 60")
    prompts = tuple(Prompt(f"p{at}", (Message("user", f"Question {at}"),), max_tokens=TOKENS) for at in range(PROMPTS))
    sides = {True: Side(), False: Side()}
    with (
        tempfile.TemporaryDirectory() as folder,
        engine_process(tokens=TOKENS) as server,
        whole_studio(Path(folder)) as studio,
    ):
        server.wait_until_bound()
        put_behind(server.process.pid)
        settings = Settings(Path(folder), sqlite_url(Path(folder) / "rung.db"))
        store = Store.open(settings.database_url)
        row, _ = save_prompt_set(store, PromptSet("bench", prompts), "benchmark")
        bench = Bench(store, row.id, settings, server.url)
        with chromium() as opened:
            if not arguments.browser_here:
                for process in _family("chrom"):
                    put_behind(process.pid, LOWEST)
            page = opened.new_page(viewport={"width": 1440, "height": 1000})
            page.add_init_script(GATE)
            done = 0
            while done < arguments.pairs:
                experiment = bench.begin()
                done += one_run(bench, page, f"{studio}/live", arguments.seconds, arguments.pairs - done, sides)
                bench.end(experiment)
        store.close()
    return report(sides[True], sides[False])


def one_run(bench: Bench, page: Page, url: str, seconds: float, pairs: int, sides: dict[bool, Side]) -> int:
    """How many pairs of stretches the run has had."""
    open_page(page, url)
    page.get_by_text("Output rate").first.wait_for()
    sleep(FIRST_S)
    pairs = min(pairs, max(1, int(LONGEST_S / (2 * seconds))))
    for number in range(pairs):
        for watched in (True, False) if number % 2 else (False, True):
            one_stretch(bench, page, seconds, watched, sides[watched])
        print(told(sides[True].rates[-1], sides[False].rates[-1]), flush=True)
    return pairs


def one_stretch(bench: Bench, page: Page, seconds: float, watched: bool, side: Side) -> None:
    page.evaluate("still => { window.standsStill = still }", not watched)
    began, at, studio, chrome = time(), monotonic(), _seconds("streamlit"), _seconds("chrom")
    sleep(seconds)
    passed = monotonic() - at
    side.studio.append((_seconds("streamlit") - studio) / passed)
    side.browser.append((_seconds("chrom") - chrome) / passed)
    side.rates.append(bench.rate(began + SETTLE_S, began + seconds))


def told(watched: float, alone: float) -> str:
    return f"{watched:,.0f} tokens/s watched, {alone:,.0f} not: ratio {watched / alone:.4f}"


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
