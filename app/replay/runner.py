"""Drives a schedule: which request leaves when, until all have finished or the engine is gone.

Does not parse, count or store; each finished exchange is handed to `on_done` at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic_ns

import aiohttp

from app.replay.body import WireRequest
from app.replay.client import send
from app.replay.load import Schedule
from app.replay.pacing import sleep_until
from app.replay.record import Exchange
from app.replay.stream import parse_exchange
from app.replay.turns import Turns, Waiting

LAG_PROBE_S = 0.02
BLOCKED_S = 0.001


class EngineGoneError(RuntimeError):
    """The engine stopped answering in mid-run; what had finished is kept, what was open is not recorded."""


@dataclass
class ReplayStats:
    """`loop_lag_ns` samples how late the event loop woke; `peak_in_flight` is the most requests open at once.
    Of a conversation's later turns, `live_histories` held the engine's own answers and `saved_histories` saved ones:
    because they were to, because an earlier turn had failed, or because a technique had rewritten them."""

    peak_in_flight: int = 0
    live_histories: int = 0
    saved_histories: int = 0
    loop_lag_ns: list[int] = field(default_factory=list)


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one fault that ended all tasks: a dead engine before whatever its death set off elsewhere."""
    found = [_cause(fault) if isinstance(fault, BaseExceptionGroup) else fault for fault in group.exceptions]
    return next((fault for fault in found if isinstance(fault, EngineGoneError)), found[0])


class Replay:
    """One pass of requests over one schedule. `engine_gone` is asked only after a request has failed.

    A conversation's turn waits for the turn before to end, whatever the schedule; it counts as due then, if that is
    later than its own time. `answers` has what earlier turns were answered before this pass, by position.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        schedule: Schedule,
        on_done: Callable[[Exchange], None],
        engine_gone: Callable[[], Awaitable[str | None]],
        answers: Mapping[int, str] | None = None,
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._schedule = schedule
        self._on_done = on_done
        self._engine_gone = engine_gone
        self._answers = dict(answers or {})
        self._in_flight = 0
        self._turns = Turns()
        self.stats = ReplayStats()

    async def run(self, requests: Sequence[WireRequest]) -> ReplayStats:
        """Sends all requests. Raises EngineGoneError, after cancelling what is open, when the engine is gone."""
        self._turns = Turns(requests)
        lag = asyncio.create_task(self._watch_loop())
        try:
            async with asyncio.TaskGroup() as group:
                if self._schedule.due_s:
                    await self._by_the_clock(requests, group)
                elif self._schedule.form == "slots":
                    waiting = Waiting(requests, self._turns)
                    for _ in range(min(self._schedule.width, len(requests))):
                        group.create_task(self._slot(waiting))
                else:
                    group.create_task(self._waves(Waiting(requests, self._turns)))
        except BaseExceptionGroup as group:
            raise _cause(group) from None
        finally:
            lag.cancel()
        return self.stats

    async def _slot(self, waiting: Waiting) -> None:
        while waiting:
            request = waiting.take()
            if request is None:
                await self._turns.any_end()
            else:
                await self._one(request, monotonic_ns())

    async def _waves(self, waiting: Waiting) -> None:
        while waiting:
            released = monotonic_ns()
            ready = (waiting.take() for _ in range(self._schedule.width))
            async with asyncio.TaskGroup() as wave:
                for request in [request for request in ready if request is not None]:
                    wave.create_task(self._one(request, released))

    async def _by_the_clock(self, requests: Sequence[WireRequest], group: asyncio.TaskGroup) -> None:
        """Open loop: a task for each request when it is due. Where fewer places are given than requests, those that
        are due queue here, first come first served, and their latency counts from when they were due."""
        start = monotonic_ns()
        timed = sorted(((self._schedule.due_s[request.position], request) for request in requests), key=lambda t: t[0])
        # What an interrupted run has left begins at once, with the gaps that it would have had.
        first = timed[0][0] if timed else 0.0
        dues = deque((start + round((due - first) * 1e9), request) for due, request in timed)
        if self._schedule.form == "waves":
            group.create_task(self._waves_by_the_clock(dues))
            return
        room = asyncio.Semaphore(self._schedule.width)
        for due, request in dues:
            await sleep_until(due)
            group.create_task(self._when_due(request, due, room))

    async def _when_due(self, request: WireRequest, due: int, room: asyncio.Semaphore) -> None:
        due = max(due, await self._turns.ended_at(request.after))
        async with room:
            await self._one(request, due)

    async def _waves_by_the_clock(self, dues: deque[tuple[int, WireRequest]]) -> None:
        """The next wave is of those that are due when the former has finished, or of the next that will be."""
        while dues:
            await sleep_until(dues[0][0])
            wave: list[tuple[int, WireRequest]] = []
            later: list[tuple[int, WireRequest]] = []
            while dues and dues[0][0] <= monotonic_ns() and len(wave) < self._schedule.width:
                due, request = dues.popleft()
                ready = self._turns.is_free(request)
                (wave if ready else later).append((due, request))
            dues.extendleft(reversed(later))
            if not wave:
                await asyncio.sleep(BLOCKED_S)
            async with asyncio.TaskGroup() as group:
                for due, request in wave:
                    group.create_task(self._one(request, max(due, await self._turns.ended_at(request.after))))

    async def _one(self, request: WireRequest, scheduled_ns: int) -> None:
        body = self._body(request)
        self._in_flight += 1
        self.stats.peak_in_flight = max(self.stats.peak_in_flight, self._in_flight)
        exchange = Exchange(request.position, scheduled_ns)
        try:
            await send(self._session, self._base_url + request.path, body, exchange)
        finally:
            self._in_flight -= 1
        if exchange.error is not None or exchange.status >= 500:
            reason = await self._engine_gone()
            if reason is not None:
                raise EngineGoneError(reason)
        if self._turns.is_repeated(request.position):
            record = parse_exchange(exchange)
            if record.ok:
                self._answers[request.position] = record.text
        self._turns.end(request.position, exchange.end_ns)
        self._on_done(exchange)

    def _body(self, request: WireRequest) -> bytes:
        filled = request.filled(self._answers)
        if request.after is not None:
            self.stats.live_histories += filled is not None
            self.stats.saved_histories += filled is None
        return request.body if filled is None else filled

    async def _watch_loop(self) -> None:
        while True:
            before = monotonic_ns()
            await asyncio.sleep(LAG_PROBE_S)
            self.stats.loop_lag_ns.append(max(0, monotonic_ns() - before - int(LAG_PROBE_S * 1e9)))
