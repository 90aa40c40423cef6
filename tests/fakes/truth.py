"""A server with known times: `python -m tests.fakes.truth --port P --ttft-ms 100 --itl-ms 20 --tokens 16`.

Every chunk's text is the moment at which it was written, in nanoseconds of the monotonic clock, which all processes of
a machine share: whoever reads the stream can tell how late each stamp of the client is (`told`). The first chunk also
says when the request was read. Before it comes a chunk with only a role, as vLLM's does, which must not be taken for a
token. What else it can do is in truth_plan; GET / says how many requests it answered in which way.

Light, like `instant`; `engine` has tokens to count and the faults of a whole engine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from time import monotonic_ns
from typing import Any, cast

import uvloop

from tests.fakes.instant import _LENGTH, MODEL
from tests.fakes.truth_plan import Behaviour, Fate, Step, fate, steps

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
STAMP = "0" * 20
"""A place for a stamp; with leading zeros, so that chunks are of one length and ready before they are due."""
REASONS = {429: "Too Many Requests", 503: "Service Unavailable"}


@dataclass(frozen=True)
class Told:
    """What an answer's text says: when its request was read, when each chunk was written, how many tokens they held."""

    read_ns: int
    written_ns: tuple[int, ...]
    tokens: int


def told(text: str) -> Told:
    """Of reasoning and answer, joined. ValueError where the text is none of this server's."""
    first, *words = text.split()
    if not first.startswith("@"):
        raise ValueError(f"not written by the server with known times: {text[:40]!r}")
    return Told(int(first[1:]), tuple(int(word) for word in words if word != "."), len(words))


class Truth:
    """What the server is to do, and what it did."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.open_now = 0
        self.received = 0
        self.done: Counter[Fate] = Counter()
        self._jitters = bool(behaviour.ttft_jitter_ms or behaviour.itl_jitter_ms)
        self._steady = steps(behaviour, 0)

    def begin(self) -> tuple[Fate, list[Step]]:
        self.received += 1
        found = fate(self.behaviour, self.received)
        if 0 < self.behaviour.limit <= self.open_now:
            found = "busy"
        self.done[found] += 1
        return found, steps(self.behaviour, self.received) if self._jitters else self._steady


class Connection(asyncio.Protocol):
    """One request at a time: the whole of it in one packet or several, no pipelining."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._transport: asyncio.Transport
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None
        self._fate: Fate = "whole"
        self._steps: list[Step] = []
        self._read_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._end()

    def data_received(self, data: bytes) -> None:
        self._read_ns = monotonic_ns()
        self._held += data
        end = self._held.find(b"\r\n\r\n")
        length = _LENGTH.search(self._held[: end + 2]) if end >= 0 else None
        if end < 0 or len(self._held) < end + 4 + (int(length[1]) if length else 0):
            return
        asked, self._held = self._held.startswith(b"GET "), b""
        if asked:
            self._transport.write(_response("200 OK", self._truth.done))
            return
        self._fate, self._steps = self._truth.begin()
        if self._fate == "busy":
            self._transport.write(_busy(self._truth.behaviour))
            return
        self._truth.open_now += 1
        self._transport.write(HEAD + _frame({"delta": {"role": "assistant", "content": ""}}))
        self._at(asyncio.get_running_loop().time(), 0)

    def _at(self, began: float, number: int) -> None:
        due = began + self._steps[number].after_s
        self._timer = asyncio.get_running_loop().call_at(due, self._chunk, began, number)

    def _chunk(self, began: float, number: int) -> None:
        behaviour, step = self._truth.behaviour, self._steps[number]
        last = number + 1 == len(self._steps)
        key = behaviour.reasoning_key if step.reasoning else "content"
        before, between, after = _parts(key, step.tokens, not number, last)
        if self._fate == "cut" and (last or number + 1 == behaviour.cut_at):
            self._transport.write(before)
            self._transport.close()
            self._end()
            return
        if number:
            self._transport.write(b"%b%020d%b" % (before, monotonic_ns(), after))
        else:
            self._transport.write(b"%b%020d%b%020d%b" % (before, self._read_ns, between, monotonic_ns(), after))
        if last:
            self._end()
            self._transport.write(_ending(behaviour))
        else:
            self._at(began, number + 1)

    def _end(self) -> None:
        self._timer = None
        self._truth.open_now -= 1


@cache
def _parts(key: str, tokens: int, first: bool, last: bool) -> tuple[bytes, bytes, bytes]:
    """A chunk, cut where its stamps go: of the request's reading, which only the first has, and of its own writing.
    A token is a word."""
    text = (f"@{STAMP} " if first else "") + f"{STAMP} " + ". " * (tokens - 1)
    pieces = _frame({"delta": {key: text}, "finish_reason": "length" if last else None}).split(STAMP.encode())
    return pieces[0], pieces[1] if first else b"", pieces[-1]


@cache
def _ending(behaviour: Behaviour) -> bytes:
    usage = {
        "prompt_tokens": 8,
        "completion_tokens": behaviour.tokens,
        "completion_tokens_details": {"reasoning_tokens": behaviour.reasoning},
    }
    done = json.dumps({"choices": [], "usage": usage}).encode()
    return _chunked(b"data: %b\n\n" % done) + _chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n"


@cache
def _busy(behaviour: Behaviour) -> bytes:
    reason = REASONS.get(behaviour.busy_status, "Busy")
    later = f"Retry-After: {behaviour.retry_after_s}\r\n"
    return _response(f"{behaviour.busy_status} {reason}", {"error": {"message": reason.lower()}}, later)


def _response(status: str, document: Mapping[Any, object], headers: str = "") -> bytes:
    body = json.dumps(document)
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _frame(choice: Mapping[str, object]) -> bytes:
    event = {"id": "cmpl", "object": "chat.completion.chunk", "model": MODEL, "choices": [{"index": 0, **choice}]}
    return _chunked(b"data: %b\n\n" % json.dumps(event, separators=(",", ":")).encode())


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def serve(host: str, port: int, behaviour: Behaviour) -> None:
    truth = Truth(behaviour)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(truth), host, port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="a server with known times")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    Behaviour.add_arguments(parser)
    given = parser.parse_args()
    uvloop.run(serve(given.host, given.port, Behaviour.parsed(given)))


if __name__ == "__main__":
    main()
