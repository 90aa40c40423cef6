"""Reads the engine's gauges while a run's requests are sent: all for the run's summary, some for those who watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

import aiohttp

from app.engine.metrics import GAUGES, KV_USAGE, RUNNING, WAITING, scrape_named
from app.experiment.live_file import WATCHED, LiveFile

SAMPLE_S = 0.25
MAX_SAMPLES = 1200
"""Kept of one stretch of a run; of more, every second or third is kept."""


@dataclass
class Samples:
    """Seconds since the start, and the gauges then."""

    at_s: list[float] = field(default_factory=list)
    running: list[float] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)
    kv_usage: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, list[float]]:
        every = slice(None, None, len(self.at_s) // MAX_SAMPLES + 1)
        return {
            "sampled_s": self.at_s[every],
            "running": self.running[every],
            "waiting": self.waiting[every],
            "kv_usage": self.kv_usage[every],
        }


@asynccontextmanager
async def sampling(
    session: aiohttp.ClientSession, base_url: str, shows_metrics: bool, live: LiveFile
) -> AsyncIterator[Samples]:
    """Fills the samples until it is left. An engine without metrics is not asked; `live` has the client's part."""
    samples = Samples()
    task = asyncio.create_task(_sample(session, base_url if shows_metrics else None, samples, live))
    try:
        yield samples
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _sample(session: aiohttp.ClientSession, base_url: str | None, samples: Samples, live: LiveFile) -> None:
    began = monotonic()
    while True:
        await asyncio.sleep(SAMPLE_S)
        due = live.due
        # Those who watch get theirs with every fourth reading, and none of their own.
        reading = None if base_url is None else await scrape_named(session, base_url, WATCHED if due else GAUGES)
        if reading is not None:
            samples.at_s.append(round(monotonic() - began, 3))
            samples.running.append(reading.get(RUNNING, 0.0))
            samples.waiting.append(reading.get(WAITING, 0.0))
            samples.kv_usage.append(reading.get(KV_USAGE, 0.0))
        if due:
            live.take(reading)
