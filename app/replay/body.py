"""Builds the request bodies of a prompt set for one endpoint, before the clock starts. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from optimizers.prompt import Prompt


@dataclass(frozen=True)
class Sampling:
    """`max_tokens` stands in where a prompt names none. Temperature 0 makes runs comparable."""

    max_tokens: int = 64
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class WireRequest:
    """A body ready to send; `position` is the prompt's place in its set, from 0."""

    position: int
    path: str
    body: bytes


def wire_request(
    prompt: Prompt, position: int, model: str, sampling: Sampling, chat: bool, cache_salt: str | None = None
) -> WireRequest:
    """`chat` False sends chat prompts as plain text, for checkpoints without a chat template.

    `cache_salt` makes the prefix cache of earlier runs unreachable where it cannot be reset (vLLM only).
    """
    document: dict[str, Any] = {
        "model": model,
        "max_tokens": prompt.max_tokens or sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if cache_salt:
        document["cache_salt"] = cache_salt
    if prompt.is_chat and chat:
        document["messages"] = prompt.rendered_messages()
        path = "/v1/chat/completions"
    else:
        document["prompt"] = prompt.plain_text()
        path = "/v1/completions"
    return WireRequest(position, path, json.dumps(document, ensure_ascii=False).encode())
