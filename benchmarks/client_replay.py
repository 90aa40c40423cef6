"""The product's client and recorder without a store: what the benchmarks of the client replay with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.replay.body import Sampling, wire_request
from app.replay.client import open_wire
from app.replay.load import Schedule
from app.replay.record import RequestRecord
from app.replay.recorder import Recorder
from app.replay.runner import Replay
from optimizers.prompt import Message, Prompt

IDLE_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Replayed:
    """`records` in the order in which they ended."""

    records: list[RequestRecord]
    loop_lag_p99_ms: float


async def _there() -> str | None:
    return None


async def replayed(url: str, prompts: list[Prompt], schedule: Schedule) -> Replayed:
    """All prompts sent once, connections opened and answers parsed as in a run."""
    records: list[RequestRecord] = []
    requests = [wire_request(prompt, at, "truth", Sampling(), chat=True) for at, prompt in enumerate(prompts)]
    async with open_wire(IDLE_TIMEOUT_S, None) as wire:
        await wire.open_ahead(url + requests[0].path, 64 if schedule.due_s else schedule.width)
        with Recorder(records.extend) as recorder:
            stats = await Replay(wire, url, schedule, recorder.put, _there).run(requests)
    lag_ns = stats.loop_lag_ns
    return Replayed(records, float(np.percentile(lag_ns, 99)) / 1e6 if lag_ns else 0.0)


async def answered(url: str, prompts: list[Prompt], schedule: Schedule) -> Replayed:
    """As `replayed`; a request that fails ends the benchmark."""
    found = await replayed(url, prompts, schedule)
    failed = [record.error for record in found.records if not record.ok]
    if failed:
        raise SystemExit(f"{len(failed)} of {len(found.records)} requests failed: {failed[0]}")
    return found


def questions(count: int) -> list[Prompt]:
    return [Prompt(f"p{at}", (Message("user", f"Question {at}"),)) for at in range(count)]
