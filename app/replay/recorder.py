"""Takes finished exchanges off the event loop: a thread parses them and saves them in small transactions.

A request counts as done only after its transaction has committed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from app.replay.quiet import quiet_interpreter
from app.replay.record import Exchange, RequestRecord
from app.replay.stream import parse_exchange

GATHER_S = 0.1


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
            self._pause.wait(GATHER_S)
            while not self._queue.empty():
                batch.append(self._queue.get())
            open_for_more = None not in batch
            if self.error is not None:
                continue
            try:
                records = [parse_exchange(exchange) for exchange in batch if exchange is not None]
                if records:
                    self._save(records)
            except Exception as error:
                self.error = error
