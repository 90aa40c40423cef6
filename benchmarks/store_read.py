"""How fast does a full store open? 1,000 runs and 1,000,000 requests, then the reads behind Home, Ladder and Compare.

`python -m benchmarks.store_read [--experiments 50] [--runs 20] [--requests 1000]` makes such a store in a temporary
folder and prints milliseconds, the median of five, for each read. It draws no page. Most of a ladder's time is its
bootstrap, which the studio keeps until a run changes; what reading takes stands beside it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from app.analysis.summary import Observed, summarise
from app.experiment.estimate import read_past
from app.experiment.measure import load_records, save_records
from app.experiment.results import load_ladder
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import save_prompt_set
from app.replay.load import LoadProfile
from app.replay.record import RequestRecord
from optimizers.prompt import Message, Prompt
from optimizers.recipe import Recipe
from store.experiments import PlannedRun
from store.store import Store
from tests.building import one_by_one

TIMES = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=50)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--requests", type=int, default=1000)
    arguments = parser.parse_args()
    records = one_by_one([100.0 + at % 50 for at in range(arguments.requests)])
    records = [replace(record, text="word " * 50) for record in records]
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'full.db'}"
        store = Store.open(url)
        began = monotonic()
        prompts = PromptSet("bench", tuple(Prompt(f"p{at}", (Message("user", f"Question {at}"),)) for at in range(8)))
        spec = {
            "load": LoadProfile().to_json(),
            "model": "bench",
            "prompt_set_id": save_prompt_set(store, prompts, "benchmark")[0].id,
        }
        for _ in range(arguments.experiments):
            _fill(store, spec, records, arguments.runs)
        total = arguments.experiments * arguments.runs
        print(f"{total:,} runs, {total * len(records):,} requests written in {monotonic() - began:.0f} s")
        store.close()
        _time("open the store", lambda: Store.open(url).close())
        store = Store.open(url)
        newest = store.experiments.recent(1)[0].id
        runs = [run.id for run in store.runs.of_experiment(newest)]
        _time("Home: what runs, the latest", lambda: (store.experiments.unfinished(), store.experiments.recent(1)))
        _time("Home: progress of one experiment", lambda: store.experiments.progress(newest))
        _time("Home, Lab: past runs for an estimate", lambda: read_past(store, "box"))
        _time("Ladder: list of experiments", store.experiments.recent)
        _time("Ladder: requests of one experiment", lambda: [load_records(store, run) for run in runs])
        _time("Ladder: one experiment, analysed", lambda: load_ladder(store, newest))
        _time("Compare: requests of one run", lambda: load_records(store, runs[0]))
        store.close()


def _fill(store: Store, spec: dict[str, Any], records: list[RequestRecord], runs: int) -> None:
    planned = [PlannedRun(rung, 0, f"rung {rung}", [], len(records)) for rung in range(runs)]
    experiment = store.experiments.enqueue("run", "benchmark", spec, planned)
    summary = summarise([(0, record) for record in records], Observed(None), Recipe(), {})
    for run in store.runs.of_experiment(experiment):
        store.runs.start(run.id, {"hardware": {"title": "box"}, "schedule": "one by one"})
        save_records(store, run.id, 0, records)
        store.runs.set_summary(run.id, summary)
        store.runs.finish(run.id, "done")
    store.experiments.finish(experiment, "done", {})


def _time(what: str, read: Callable[[], object]) -> None:
    taken = []
    for _ in range(TIMES):
        began = monotonic()
        read()
        taken.append(1000 * (monotonic() - began))
    print(f"{what:40}{median(taken):10,.1f} ms")


if __name__ == "__main__":
    main()
