"""How long do reports take, and how large are they? A ladder of 8 rungs with 128 prompts, through a store of its own.

`python -m benchmarks.report_speed [--prompts 128] [--repeats 3]` prints seconds and bytes of each form, read from the
store and written, and ends with 1 when HTML takes more than 3 s or 3 MB, or PDF more than 10 s. The requests are made
up (tests/pages/factory.py); everything that reads and writes them is real.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import monotonic

from app.prompts.prompt_set import PromptSet
from app.prompts.saved import find_prompts, load_prompt_set, save_prompt_set, save_starter_sets
from app.reports.reporting import FORMS, rendered
from optimizers.prompt import Prompt
from optimizers.registry import techniques
from store.database import sqlite_url
from store.store import Store
from tests.pages import factory

RUNGS = 8
MOST_S = {"html": 3.0, "pdf": 10.0}
MOST_BYTES = {"html": 3_000_000}
PROMPTS = "report-speed"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(sqlite_url(Path(folder) / "rung.db"))
        save_starter_sets(store)
        _save_prompts(store, chosen.prompts)
        keys = list(techniques().keys())[: RUNGS - 2]
        number = factory.finished(store, chosen.prompts, chosen.repeats, keys=keys, prompt_set=PROMPTS)
        rungs = len({run.rung for run in store.runs.of_experiment(number)})
        print(f"{rungs} rungs, {chosen.prompts} prompts, {chosen.repeats} repeats")
        if rungs != RUNGS:
            print(f"MISSED: {RUNGS} rungs were to be measured")
            missed += 1
        for form in (*FORMS, "json"):
            began = monotonic()
            content = rendered(store, number, form)
            seconds = monotonic() - began
            wrong = seconds > MOST_S.get(form, seconds) or len(content) > MOST_BYTES.get(form, len(content))
            missed += wrong
            print(f"{form:6}{seconds:8.2f} s{len(content):12,} bytes{'   MISSED' if wrong else ''}")
        store.close()
    return 1 if missed else 0


def _save_prompts(store: Store, count: int) -> None:
    """As many as are asked for, with the starter's texts over and over, each with a name of its own."""
    starter = load_prompt_set(store, find_prompts(store, "support-desk").id)
    made = []
    for at in range(count):
        row = starter.prompts[at % len(starter.prompts)].to_json()
        made.append(Prompt.from_json(row | {"id": f"{row['id']}-{at}"}))
    save_prompt_set(store, PromptSet(PROMPTS, tuple(made)), "benchmark")


if __name__ == "__main__":
    sys.exit(main())
