"""Takes finished exchanges off the event loop: a thread parses them and saves them in small transactions.

A request counts as done only after its transaction has committed. While the run goes on the thread parses one answer at
a time and lets go of the interpreter in between: the event loop takes the interpreter anew for every read, and behind a
thread that keeps it, each of a thousand reads that come together would wait for a turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from time import sleep

from app.replay.quiet import quiet_interpreter
from app.replay.record import Exchange, RequestRecord
from app.replay.stream import parse_exchange

GATHER_S = 0.1
BREATH_S = 0.0005
BATCH, LARGE_BATCH = 100, 1000
"""Records in a transaction while the run goes on, and when nothing has to be spared."""
BACKLOG = 10_000
"""Answers that wait, beyond which memory counts for more than the loop's peace."""


class Recorder:
    """Context manager; on leaving, everything handed in has been saved, or the save's error is raised."""

    def __init__(self, save: Callable[[Sequence[RequestRecord]], None]) -> None:
        self._save = save
        self._queue: SimpleQueue[Exchange | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._pause = threading.Event()
        self._quiet = quiet_interpreter()
        self.error: BaseException | None = None

    def __enter__(self) -> Recorder:
        self._quiet.__enter__()
        self._thread.start()
        return self

    def put(self, exchange: Exchange) -> None:
        """Called on the event loop; never blocks. Raises the error of a save that failed before."""
        if self.error is not None:
            raise self.error
        self._queue.put(exchange)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._queue.put(None)
        self._pause.set()
        self._thread.join()
        self._quiet.__exit__(None, None, None)
        if self.error is not None and error is not self.error:
            raise self.error

    def _work(self) -> None:
        open_for_more = True
        while open_for_more:
            batch = [self._queue.get()]
            # Gathering for a moment makes one commit of many and keeps the thread off the event loop's core.
            if self._queue.qsize() < BATCH:
                self._pause.wait(GATHER_S)
            most = BATCH if self._spares() else LARGE_BATCH
            while len(batch) < most and not self._queue.empty():
                batch.append(self._queue.get())
            open_for_more = None not in batch
            if self.error is not None:
                continue
            try:
                records = [self._parsed(exchange) for exchange in batch if exchange is not None]
                if records:
                    self._save(records)
            except Exception as error:
                self.error = error

    def _spares(self) -> bool:
        """Whether the loop is still at work and comes first."""
        return not self._pause.is_set() and self._queue.qsize() < BACKLOG

    def _parsed(self, exchange: Exchange) -> RequestRecord:
        record = parse_exchange(exchange)
        if self._spares():
            sleep(BREATH_S)
        return record
