"""A server with known times: `python -m tests.fakes.truth --port P --ttft-ms 100 --itl-ms 20 --tokens 16`.

Every chunk's text is the moment at which it was written, in nanoseconds of the monotonic clock, which all processes of
a machine share: whoever reads the stream can tell how late each stamp of the client is. The first chunk holds only a
role, as vLLM's does, and must not be taken for a token. With --limit N, requests beyond N at once are answered by 429
and Retry-After. Light, like `instant`; `engine` has tokens to count and all other faults.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic_ns
from typing import cast

import uvloop

from tests.fakes.instant import _LENGTH, MODEL

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
BUSY_BODY = b'{"error":{"message":"too many requests"}}'
BUSY = (
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 2\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BUSY_BODY), BUSY_BODY)
)


@dataclass(frozen=True)
class Times:
    ttft_s: float
    itl_s: float
    tokens: int
    limit: int


class Connection(asyncio.Protocol):
    """One request at a time: the whole of it in one packet or several, no pipelining."""

    open_now = 0

    def __init__(self, times: Times) -> None:
        self._times = times
        self._transport: asyncio.Transport
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            Connection.open_now -= 1

    def data_received(self, data: bytes) -> None:
        self._held += data
        end = self._held.find(b"\r\n\r\n")
        length = _LENGTH.search(self._held[: end + 2]) if end >= 0 else None
        if end < 0 or len(self._held) < end + 4 + (int(length[1]) if length else 0):
            return
        self._held = b""
        if 0 < self._times.limit <= Connection.open_now:
            self._transport.write(BUSY)
            return
        Connection.open_now += 1
        now = asyncio.get_running_loop().time()
        self._transport.write(HEAD + _frame({"delta": {"role": "assistant", "content": ""}}))
        self._at(now + self._times.ttft_s, 0)

    def _at(self, due: float, number: int) -> None:
        self._timer = asyncio.get_running_loop().call_at(due, self._token, due, number)

    def _token(self, due: float, number: int) -> None:
        last = number + 1 == self._times.tokens
        choice = {"delta": {"content": f"{monotonic_ns()} "}, "finish_reason": "length" if last else None}
        self._transport.write(_frame(choice))
        if not last:
            self._at(due + self._times.itl_s, number + 1)
            return
        usage = {"prompt_tokens": 8, "completion_tokens": self._times.tokens}
        done = json.dumps({"choices": [], "usage": usage}).encode()
        self._transport.write(_chunk(b"data: %b\n\n" % done) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        self._timer = None
        Connection.open_now -= 1


def _frame(choice: Mapping[str, object]) -> bytes:
    event = {"id": "cmpl", "object": "chat.completion.chunk", "model": MODEL, "choices": [{"index": 0, **choice}]}
    return _chunk(b"data: %b\n\n" % json.dumps(event, separators=(",", ":")).encode())


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def serve(host: str, port: int, times: Times) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(times), host, port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="a server with known times")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ttft-ms", type=float, default=100.0)
    parser.add_argument("--itl-ms", type=float, default=20.0)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--limit", type=int, default=0, help="requests at once, the rest get 429; 0 is no limit")
    given = parser.parse_args()
    times = Times(given.ttft_ms / 1000, given.itl_ms / 1000, given.tokens, given.limit)
    uvloop.run(serve(given.host, given.port, times))


if __name__ == "__main__":
    main()
