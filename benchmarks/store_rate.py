"""How fast is the store? Records through the product's own path, first as saved, then through the recorder's thread.

`python -m benchmarks.store_rate [--records 50000] [--batch 500] [--rounds 3]` prints records/s for each round. The goal
is 20,000/s and nothing lost at SIGKILL (tests/store/test_killed.py).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from time import monotonic

from app.experiment.measure import save_records
from app.replay.record import Exchange, RequestRecord
from app.replay.recorder import Recorder
from store.experiments import PlannedRun
from store.store import Store

GAP_NS = 10_000_000
TOKENS = 16


def exchanges(count: int) -> list[Exchange]:
    """Streams as a server sends them: a chunk for each token, then the usage."""
    return [_exchange(position) for position in range(count)]


def _exchange(position: int) -> Exchange:
    due = position * GAP_NS
    texts = [{"choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}] * TOKENS
    usage = {"choices": [], "usage": {"prompt_tokens": 200, "completion_tokens": TOKENS}}
    chunks = [
        (due + (at + 2) * GAP_NS, f"data: {json.dumps(event)}\n\n".encode()) for at, event in enumerate([*texts, usage])
    ]
    end = due + (TOKENS + 3) * GAP_NS
    return Exchange(position, due, due, due + GAP_NS, end, 200, None, [*chunks, (end, b"data: [DONE]\n\n")])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    made = exchanges(arguments.records)
    parsed: list[RequestRecord] = []
    with Recorder(parsed.extend) as recorder:
        for exchange in made:
            recorder.put(exchange)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"sqlite:///{Path(folder) / 'bench.db'}")
        planned = [PlannedRun(0, repeat, "bench", [], arguments.records) for repeat in range(2 * arguments.rounds)]
        experiment = store.experiments.enqueue("run", "benchmark", {}, planned)
        runs = iter(store.runs.of_experiment(experiment))
        for number in range(1, arguments.rounds + 1):
            run = next(runs).id
            began = monotonic()
            for at in range(0, len(parsed), arguments.batch):
                save_records(store, run, 0, parsed[at : at + arguments.batch])
            saving = monotonic() - began
            run = next(runs).id
            began = monotonic()
            with Recorder(lambda records, run=run: save_records(store, run, 0, records)) as recorder:  # type: ignore[misc]
                for exchange in made:
                    recorder.put(exchange)
            recording = monotonic() - began
            saved = len(store.runs.finished_positions(run))
            print(
                f"round {number}: {len(parsed) / saving:,.0f} records/s saved in batches of {arguments.batch}; "
                f"{saved / recording:,.0f} records/s parsed and saved by the recorder ({saved:,} found again)"
            )
        store.close()


if __name__ == "__main__":
    main()
