"""The newest readings of the run that is being measured, in one small file, for those who watch.

The worker replaces the file once a second and pages read it, so that any number of watchers asks nothing of the engine.
It belongs to one store, holds the last READINGS of one run, and is there only while that run's requests are sent. What
is kept of a run is its summary, not this.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from time import monotonic, time

import msgspec

from app.engine.energy import EnergyMeter
from app.engine.metrics import GAUGES, GENERATED, KV_USAGE, RUNNING, WAITING
from app.replay.record import RequestRecord
from optimizers.prefix_caching import HITS, PREEMPTIONS, QUERIES
from optimizers.speculative_decoding import ACCEPTED, DRAFTED
from store.settings import Settings

EVERY_S = 1.0
READINGS = 120
METER_S = 5.0
"""Often enough for a counter of energy that runs over; asking a GPU for it takes milliseconds."""
COUNTERS = (GENERATED, QUERIES, HITS, DRAFTED, ACCEPTED, PREEMPTIONS)
WATCHED = (*GAUGES, *COUNTERS)


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """One moment of a run, `at_s` seconds after its first request was due. Counts and `joules` are since then.

    `output_tokens` are the engine's count, as they are written; without engine metrics those of ended requests.
    `kv_usage` is a share from 0 to 1. None where the engine shows no such figure or the hardware counts no energy.
    """

    at_s: float
    answered: int
    failed: int
    output_tokens: float
    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    queries: float | None = None
    hits: float | None = None
    drafted: float | None = None
    accepted: float | None = None
    preemptions: float | None = None
    joules: float | None = None
    watched_s: float = 0.0


class LiveRun(msgspec.Struct, frozen=True):
    """`readings` from the oldest to the newest; `written_at` in seconds since the epoch."""

    experiment_id: int
    run_id: int
    written_at: float
    readings: tuple[Reading, ...]


def live_path(settings: Settings) -> Path:
    """Two stores may share a state folder, each with a worker of its own."""
    return settings.home / "live" / f"{hashlib.sha256(settings.database_url.encode()).hexdigest()[:12]}.json"


def read_live_run(path: Path) -> LiveRun | None:
    """None while no run is being measured."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=LiveRun)
    except (OSError, msgspec.MsgspecError):
        return None


class LiveFile:
    """Context manager around a run's requests; the file is gone when it is left.

    `before` are the engine's counters at the start, None for an engine without metrics. A thread writes, and reads the
    `meter`, so that neither holds up the event loop. A file that cannot be written costs the watchers, not the run.
    """

    def __init__(
        self,
        path: Path,
        experiment_id: int,
        run_id: int,
        before: Mapping[str, float] | None,
        meter: EnergyMeter | None = None,
    ) -> None:
        self._path = path
        self._ids = {"experiment_id": experiment_id, "run_id": run_id}
        self._before = before or {}
        self._meter = meter
        self._answered = self._failed = self._tokens = 0
        self._began = self._next = monotonic()
        self._queue: SimpleQueue[Reading | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="live", daemon=True)

    def __enter__(self) -> LiveFile:
        self._began = monotonic()
        self._next = self._began + EVERY_S
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._queue.put(None)
        self._thread.join()
        remove_live_file(self._path)

    def ended(self, records: Iterable[RequestRecord]) -> None:
        """Counts requests that have ended, on the thread that saves them."""
        for record in records:
            self._answered += record.ok
            self._failed += not record.ok
            self._tokens += record.completion_tokens or 0

    @property
    def due(self) -> bool:
        return monotonic() >= self._next

    def take(self, samples: Mapping[str, float] | None) -> None:
        """Hands a reading of WATCHED to the thread; None from an engine that shows nothing. Never blocks."""
        now = monotonic()
        self._next = max(self._next, now - EVERY_S / 2) + EVERY_S
        seen = samples or {}
        grown = {name: max(seen[name] - self._before.get(name, 0.0), 0.0) for name in COUNTERS if name in seen}
        self._queue.put(
            Reading(
                at_s=round(now - self._began, 3),
                answered=self._answered,
                failed=self._failed,
                output_tokens=grown.get(GENERATED, self._tokens),
                running=seen.get(RUNNING),
                waiting=seen.get(WAITING),
                kv_usage=seen.get(KV_USAGE),
                queries=grown.get(QUERIES),
                hits=grown.get(HITS),
                drafted=grown.get(DRAFTED),
                accepted=grown.get(ACCEPTED),
                preemptions=grown.get(PREEMPTIONS),
            )
        )

    def _work(self) -> None:
        # Each is encoded once: all of them would take the interpreter for a quarter of a millisecond every second.
        readings: deque[msgspec.Raw] = deque(maxlen=READINGS)
        metered = self._began
        while (reading := self._queue.get()) is not None:
            if self._meter is not None and monotonic() - metered >= METER_S:
                self._meter.update()
                metered = monotonic()
            readings.append(msgspec.Raw(msgspec.json.encode(self._with_energy(reading))))
            content = msgspec.json.encode({**self._ids, "written_at": time(), "readings": list(readings)})
            with suppress(OSError):
                _replace(self._path, content)

    def _with_energy(self, reading: Reading) -> Reading:
        energy = None if self._meter is None else self._meter.energy()
        if energy is None:
            return reading
        return msgspec.structs.replace(reading, joules=energy.joules, watched_s=energy.seconds)


def remove_live_file(path: Path) -> None:
    """Also what a worker that was killed left of it."""
    for each in (path, _unfinished(path)):
        with suppress(OSError):
            each.unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    """A reader finds the old content or the new. Nothing waits for the disk: a power cut may take it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _unfinished(path).write_bytes(content)
    _unfinished(path).replace(path)


def _unfinished(path: Path) -> Path:
    return path.with_suffix(".part")
