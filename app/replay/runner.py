"""Drives a schedule: which request leaves when, until all have finished or the engine is gone.

Does not parse, count or store; each finished exchange is handed to `on_done` at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic_ns

import aiohttp

from app.replay.body import WireRequest
from app.replay.client import send
from app.replay.load import Schedule
from app.replay.record import Exchange

LAG_PROBE_S = 0.02


class EngineGoneError(RuntimeError):
    """The engine stopped answering in mid-run; what had finished is kept, what was open is not recorded."""


@dataclass
class ReplayStats:
    """`loop_lag_ns` samples how late the event loop woke; `peak_in_flight` is the most requests open at once."""

    peak_in_flight: int = 0
    loop_lag_ns: list[int] = field(default_factory=list)


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one fault that ended all tasks: a dead engine before whatever its death set off elsewhere."""
    found = [_cause(fault) if isinstance(fault, BaseExceptionGroup) else fault for fault in group.exceptions]
    return next((fault for fault in found if isinstance(fault, EngineGoneError)), found[0])


class Replay:
    """One pass of requests over one schedule. `engine_gone` is asked only after a request has failed."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        schedule: Schedule,
        on_done: Callable[[Exchange], None],
        engine_gone: Callable[[], Awaitable[str | None]],
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._schedule = schedule
        self._on_done = on_done
        self._engine_gone = engine_gone
        self._in_flight = 0
        self.stats = ReplayStats()

    async def run(self, requests: Sequence[WireRequest]) -> ReplayStats:
        """Sends all requests. Raises EngineGoneError, after cancelling what is open, when the engine is gone."""
        lag = asyncio.create_task(self._watch_loop())
        try:
            async with asyncio.TaskGroup() as group:
                if self._schedule.form == "slots":
                    waiting = deque(requests)
                    for _ in range(min(self._schedule.width, len(requests))):
                        group.create_task(self._slot(waiting))
                else:
                    group.create_task(self._waves(requests))
        except BaseExceptionGroup as group:
            raise _cause(group) from None
        finally:
            lag.cancel()
        return self.stats

    async def _slot(self, waiting: deque[WireRequest]) -> None:
        while waiting:
            await self._one(waiting.popleft(), monotonic_ns())

    async def _waves(self, requests: Sequence[WireRequest]) -> None:
        width = self._schedule.width
        for start in range(0, len(requests), width):
            released = monotonic_ns()
            async with asyncio.TaskGroup() as wave:
                for request in requests[start : start + width]:
                    wave.create_task(self._one(request, released))

    async def _one(self, request: WireRequest, scheduled_ns: int) -> None:
        self._in_flight += 1
        self.stats.peak_in_flight = max(self.stats.peak_in_flight, self._in_flight)
        exchange = Exchange(request.position, scheduled_ns)
        try:
            await send(self._session, self._base_url + request.path, request.body, exchange)
        finally:
            self._in_flight -= 1
        if exchange.error is not None or exchange.status >= 500:
            reason = await self._engine_gone()
            if reason is not None:
                raise EngineGoneError(reason)
        self._on_done(exchange)

    async def _watch_loop(self) -> None:
        while True:
            before = monotonic_ns()
            await asyncio.sleep(LAG_PROBE_S)
            self.stats.loop_lag_ns.append(max(0, monotonic_ns() - before - int(LAG_PROBE_S * 1e9)))
