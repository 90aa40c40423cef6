"""Which turns of conversations may be sent: those whose turn before has ended."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from app.replay.body import WireRequest


class Turns:
    """What has ended of one pass. A turn before that is not part of the pass counts as ended."""

    def __init__(self, requests: Sequence[WireRequest] = ()) -> None:
        positions = {request.position for request in requests}
        self._open = {request.after for request in requests if request.after in positions}
        self._repeated = {position for request in requests for position in request.holes}
        self._ends: dict[int, int] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def is_free(self, request: WireRequest) -> bool:
        return request.after not in self._open

    def is_repeated(self, position: int) -> bool:
        """Whether a later turn holds this one's answer."""
        return position in self._repeated

    def end(self, position: int, at_ns: int) -> None:
        if position in self._open:
            self._open.remove(position)
            self._ends[position] = at_ns
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def any_end(self) -> None:
        """Returns when the next request has ended."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    async def ended_at(self, position: int | None) -> int:
        """Waits for that turn's end and tells its time; 0 where there is none to wait for."""
        while position in self._open:
            await self.any_end()
        return self._ends.get(position, 0) if position is not None else 0


class Waiting:
    """Requests in their order, handed out as soon as their turn is free."""

    def __init__(self, requests: Sequence[WireRequest], turns: Turns) -> None:
        self._requests = deque(requests)
        self._turns = turns

    def __len__(self) -> int:
        return len(self._requests)

    def take(self) -> WireRequest | None:
        """The first that may be sent now; None where all wait for a turn before."""
        for at, request in enumerate(self._requests):
            if self._turns.is_free(request):
                del self._requests[at]
                return request
        return None
