"""Bodies as servers send them, and exchanges that hold them: what the parser is fed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from app.replay.record import Exchange
from tests.fakes import engine_wire

USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}


def answer(chat: bool = True, texts: Sequence[str] = ("Hello", " big", " world"), **options: Any) -> engine_wire.Answer:
    """The fake engine's answer, in the shape of vLLM's own."""
    defaults = {"finish_reason": "stop", "prompt_tokens": 9, "cached_tokens": 8, "reasoning": 0}
    return engine_wire.Answer(
        **{
            **defaults,
            "chat": chat,
            "model": "m",
            "texts": list(texts),
            "reasoning_key": "reasoning",
            "number": "0",
            "created": 1,
            **options,
        }
    )


def events(told: engine_wire.Answer, usage: bool = True) -> list[bytes]:
    """The role chunk where there is one, a chunk for each token, usage, the end."""
    starts = range(len(told.texts))
    tokens = [engine_wire.sse(engine_wire.step_chunk(told, at, at + 1)) for at in starts]
    role = [engine_wire.sse(engine_wire.step_chunk(told, 0, 0))] if told.chat else []
    tail = [engine_wire.sse(engine_wire.usage_chunk(told))] if usage else []
    return [*role, *tokens, *tail, engine_wire.DONE]


def event(document: Any) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def delta(**fields: Any) -> bytes:
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": None}]})


def exchange(*chunks: bytes, status: int = 200, error: str | None = None) -> Exchange:
    """Sent at 1,000 ns; the chunks were read at 2,000, 2,001, ... ns."""
    stamped = [(2000 + at, chunk) for at, chunk in enumerate(chunks)]
    return Exchange(7, 900, 1000, 1500 if chunks else 0, 3000, status, error, stamped)


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    """The body in pieces, cut at these places."""
    return [body[start:stop] for start, stop in pairwise([0, *sorted(set(places)), len(body)]) if start < stop]
