"""How fast is the client? The real path (schedule, client, parser, SQLite) against a server that answers at once.

`python -m benchmarks.client_rate [--concurrency 64] [--requests 20000] [--rounds 3]` prints a line for each round:
Rung's rate, then in the same round a bare aiohttp loop that keeps nothing, which is the ceiling.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from time import monotonic

import aiohttp
import uvloop

from app.analysis.statistics import distribution
from app.analysis.summary import run_seconds, ttft_ms
from app.experiment.measure import load_records, save_records
from app.experiment.queue import enqueue
from app.experiment.spec import ExperimentSpec, Rung
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import save_prompt_set
from app.replay.body import Sampling, wire_request
from app.replay.client import open_wire
from app.replay.load import Schedule
from app.replay.recorder import Recorder
from app.replay.runner import Replay
from optimizers.prompt import Message, Prompt
from optimizers.recipe import Recipe
from store.store import Store
from tests.fakes.launch import instant_server


async def _never_gone() -> str | None:
    return None


async def rung_round(store: Store, run_id: int, base_url: str, prompts: PromptSet, concurrency: int) -> None:
    requests = [
        wire_request(prompt, at, "instant", Sampling(max_tokens=16), chat=True)
        for at, prompt in enumerate(prompts.prompts)
    ]
    async with open_wire(30, None) as session:
        with Recorder(lambda records: save_records(store, run_id, 0, records)) as recorder:
            await Replay(session, base_url, Schedule("slots", concurrency), recorder.put, _never_gone).run(requests)


async def bare_round(base_url: str, body: bytes, requests: int, concurrency: int) -> float:
    """Requests per second of a loop that reads and forgets."""
    left = iter(range(requests))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

        async def slot() -> None:
            for _ in left:
                async with session.post(f"{base_url}/v1/chat/completions", data=body) as response:
                    await response.read()

        began = monotonic()
        await asyncio.gather(*(slot() for _ in range(concurrency)))
        return requests / (monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    prompts = PromptSet(
        "bench", tuple(Prompt(f"p{at}", (Message("user", f"Question {at}"),)) for at in range(arguments.requests))
    )
    with tempfile.TemporaryDirectory() as folder, instant_server() as base_url:
        store = Store.open(f"sqlite:///{Path(folder) / 'bench.db'}")
        row, _ = save_prompt_set(store, prompts, "benchmark")
        spec = ExperimentSpec(
            "run", row.id, (Rung("bench", Recipe()),), endpoint=base_url, repeats=arguments.rounds, warm_up=0
        )
        experiment = enqueue(store, spec, "benchmark")
        body = wire_request(prompts.prompts[0], 0, "instant", Sampling(), chat=True).body
        for run in store.runs.of_experiment(experiment):
            began = monotonic()
            uvloop.run(rung_round(store, run.id, base_url, prompts, arguments.concurrency))
            until_saved = monotonic() - began
            records = load_records(store, run.id)
            ttft = distribution([value for _, r in records if (value := ttft_ms(r)) is not None])
            bare = uvloop.run(bare_round(base_url, body, arguments.requests, arguments.concurrency))
            rate = len(records) / run_seconds(records)
            print(
                f"round {run.repeat + 1}: {rate:,.0f} requests/s, "
                f"TTFT p50 {ttft['p50']:.1f} ms p99 {ttft['p99']:.1f} ms, "
                f"{len(records):,} saved ({len(records) / until_saved:,.0f}/s until the last was saved); "
                f"bare loop {bare:,.0f} requests/s ({rate / bare:.2f} of it)"
            )


if __name__ == "__main__":
    main()
