"""The job that sends one prompt to an engine and hands on what comes back while it comes.

It uses the measuring client and the definitions of the metrics, so that its timings are those of a run. One prompt by
itself is no measurement: there is nothing to compare it with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic_ns
from typing import Any

from app.background.jobs import start
from app.background.run import Report
from app.replay.body import Sampling, wire_request
from app.replay.client import open_wire, send
from app.replay.record import Exchange, RequestRecord
from app.replay.stream import parse_exchange
from optimizers.errors import InputError
from optimizers.prompt import Message, Prompt
from store.settings import Settings

KIND = "chat"
IDLE_S = 120.0
LOOK_S = 0.15
LONGEST = 100_000


@dataclass(frozen=True)
class Question:
    """`base_url` has no /v1. `chat` False sends the text as it is, for a model without a chat template."""

    base_url: str
    model: str
    chat: bool
    text: str
    max_tokens: int
    temperature: float


def start_chat(settings: Settings, question: Question) -> str:
    """The job's id. Raises InputError for a question that cannot be sent."""
    if not question.text.strip():
        raise InputError("there is nothing to send; type a prompt")
    if len(question.text) > LONGEST:
        raise InputError(f"the prompt has {len(question.text):,} characters; {LONGEST:,} are the most here")
    if question.max_tokens < 1 or not 0 <= question.temperature <= 2:
        raise InputError("give at least 1 token, and a temperature from 0 to 2")
    return start(settings, KIND, f"Ask {question.model}", __name__, vars(question))


async def work(spec: Mapping[str, Any], settings: Settings, report: Report) -> Mapping[str, Any]:
    question = Question(**spec)
    messages, text = ((Message("user", question.text),), None) if question.chat else ((), question.text)
    prompt = Prompt("chat", messages, text)
    sampling = Sampling(question.max_tokens, question.temperature)
    request = wire_request(prompt, 0, question.model, sampling, question.chat)
    url = question.base_url + request.path
    async with open_wire(IDLE_S, None) as wire:
        await wire.open_ahead(url, 1)
        exchange = Exchange(0, monotonic_ns())
        sending = asyncio.create_task(send(wire, url, request.body, exchange))
        shown = Shown()
        try:
            while not sending.done():
                await asyncio.wait({sending}, timeout=LOOK_S)
                shown.look(exchange)
                report.runs(shown.what, text=shown.text, reasoning=shown.reasoning)
        finally:
            sending.cancel()
        record = parse_exchange(sending.result())
    if record.error is not None:
        report.runs("ended", text=record.text, reasoning=record.reasoning)
        raise InputError(why(record.error))
    return figures(record)


class Shown:
    """What has come so far, parsed piece by piece. The record is parsed as a whole when all is there."""

    def __init__(self) -> None:
        self.text = ""
        self.reasoning = ""
        self._seen = 0
        self._rest = b""

    @property
    def what(self) -> str:
        return "writing" if self.text or self.reasoning else "waiting for the first token"

    def look(self, exchange: Exchange) -> None:
        chunks = exchange.chunks[self._seen :]
        self._seen += len(chunks)
        come = self._rest + b"".join(piece for _, piece in chunks).replace(b"\r\n", b"\n")
        whole, parted, self._rest = come.rpartition(b"\n\n")
        if not parted or exchange.status != 200:
            return
        part = parse_exchange(Exchange(0, 0, status=200, chunks=[(0, whole + parted)]))
        self.text += part.text
        self.reasoning += part.reasoning


def figures(record: RequestRecord) -> dict[str, Any]:
    """What the page tells of a whole answer; None for what the server did not say."""
    # Brings scipy along, which nobody should wait for before the prompt is sent.
    from app.analysis.summary import LATENCIES, e2e_ms

    seconds, tokens = e2e_ms(record) / 1000, record.completion_tokens
    return {
        "text": record.text,
        "reasoning": record.reasoning,
        "finish_reason": record.finish_reason,
        **{tag: latency(record) for tag, latency in LATENCIES.items()},
        "prompt_tokens": record.prompt_tokens,
        "cached_tokens": record.cached_tokens,
        "output_tokens": tokens,
        "output_tokens_per_s": tokens / seconds if tokens and seconds > 0 else None,
    }


def why(error: str) -> str:
    """A failed request in one line that says what to do next."""
    gone = ("the connection was lost", "could not connect", "the connection timed out")
    if error.startswith(gone):
        return f"the engine stopped answering ({error}); start it again and send the prompt once more"
    return error
