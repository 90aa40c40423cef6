"""Parses a finished exchange's bytes (server-sent events or one JSON body) into a RequestRecord. Pure.

An event's time is the time of the read that completed it. Runs outside the timed path.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.replay.record import Exchange, RequestRecord

ERROR_CHARS = 300


class _Delta(msgspec.Struct):
    """Where an answer's text may stand: chat deltas, whole messages and plain completions alike."""

    content: str | None = None
    text: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class _Choice(_Delta):
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None
    object: Any = None


_decode = msgspec.json.Decoder(_Event).decode


@dataclass(slots=True)
class _Answer:
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    token_ns: list[int] = field(default_factory=list)
    finish_reason: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    done: bool = False


def parse_exchange(exchange: Exchange) -> RequestRecord:
    """The record of an exchange. Whatever goes wrong becomes its `error`; nothing is raised."""
    answer = _Answer()
    error = exchange.error
    if error is None and exchange.status != 200:
        error = _http_error(exchange)
    elif exchange.status == 200:
        problem = _read_events(exchange, answer)
        error = error or problem
        if error is None and not (answer.done or answer.finish_reason):
            error = f"the stream ended after {len(answer.token_ns)} chunks, before the answer was finished"
        elif exchange.error and answer.token_ns:
            error = f"{exchange.error}, after {len(answer.token_ns)} chunks"
    details = answer.usage.get("prompt_tokens_details")
    return RequestRecord(
        position=exchange.position,
        scheduled_ns=exchange.scheduled_ns,
        sent_ns=exchange.sent_ns or None,
        first_byte_ns=exchange.first_byte_ns or None,
        first_token_ns=answer.token_ns[0] if answer.token_ns else None,
        last_token_ns=answer.token_ns[-1] if answer.token_ns else None,
        end_ns=exchange.end_ns,
        status=exchange.status,
        text="".join(answer.text),
        reasoning="".join(answer.reasoning),
        finish_reason=answer.finish_reason,
        prompt_tokens=_count(answer.usage.get("prompt_tokens")),
        cached_tokens=_count(details.get("cached_tokens")) if isinstance(details, dict) else None,
        completion_tokens=_count(answer.usage.get("completion_tokens")),
        token_ns=tuple(answer.token_ns),
        error=error,
    )


def _read_events(exchange: Exchange, answer: _Answer) -> str | None:
    for at_ns, data in _events(exchange.chunks):
        if data == b"[DONE]":
            answer.done = True
            continue
        try:
            event = _decode(data)
        except msgspec.ValidationError as error:
            return f"the stream holds an event of another shape ({error})"
        except (msgspec.DecodeError, UnicodeDecodeError):
            return f"the stream is not JSON: {data[:80].decode(errors='replace')!r}"
        if event.error or event.object == "error":
            return f"the server stopped in mid-stream: {_message(json.loads(data))}"
        _take(event, at_ns, answer)
    return None


def _take(event: _Event, at_ns: int, answer: _Answer) -> None:
    if event.usage:
        answer.usage = event.usage
    for choice in event.choices or ():
        delta = choice.delta or choice.message or choice
        content = delta.content or delta.text
        thought = delta.reasoning or delta.reasoning_content
        if content:
            answer.text.append(content)
        if thought:
            answer.reasoning.append(thought)
        if content or thought:
            answer.token_ns.append(at_ns)
        answer.finish_reason = choice.finish_reason or answer.finish_reason


def _events(chunks: list[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """(time, data) of every server-sent event; a body without any event is given whole, as one."""
    rest = b""
    seen = False
    for at_ns, chunk in chunks:
        rest += chunk
        if b"\r" in rest:
            rest = rest.replace(b"\r\n", b"\n")
        *whole, rest = rest.split(b"\n\n")
        for block in whole:
            data = _data(block)
            if data:
                seen = True
                yield at_ns, data
    tail = rest.strip()
    if tail and tail.startswith(b"data:"):
        # A stream that breaks in mid-event is reported as unfinished, not as garbage; a whole one counts.
        data = tail[5:].strip()
        if data == b"[DONE]" or data.endswith(b"}"):
            yield chunks[-1][0], data
    elif tail and not seen:
        yield chunks[-1][0], tail


def _data(block: bytes) -> bytes:
    """An event's data: the common case of one line at once, several lines joined, comments left out."""
    if block.startswith(b"data: ") and b"\n" not in block:
        return block[6:]
    return b"\n".join(line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:"))


def _http_error(exchange: Exchange) -> str:
    body = b"".join(chunk for _, chunk in exchange.chunks)
    try:
        message = _message(json.loads(body))
    except (ValueError, RecursionError):
        message = " ".join(body.decode(errors="replace").split())
    later = f" (Retry-After: {exchange.retry_after[:40]})" if exchange.retry_after else ""
    return f"HTTP {exchange.status}: {message[:ERROR_CHARS] or 'no reason given'}{later}"


def _message(document: Any) -> str:
    error = document.get("error", document) if isinstance(document, dict) else document
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error
    return " ".join(str(error).split())


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
