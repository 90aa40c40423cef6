"""What a fake engine answers and when, as pure functions: prompt words, output, moments of sending.

A token is a whitespace-separated word. Does not cover sending: see engine.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.engine_settings import Behaviour

WORDS = ("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "harbor", "inlet", "jetty", "knoll")


@dataclass(frozen=True)
class Step:
    """Tokens start..stop leave together, `at_ms` after the request was admitted."""

    at_ms: float
    start: int
    stop: int


def _content_text(content: Any) -> str:
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")


def prompt_words(body: Mapping[str, Any]) -> list[str]:
    """The words of a chat or a completion body, rendered so that an answered turn extends its own prefix."""
    if "messages" in body:
        words: list[str] = []
        for message in body["messages"]:
            words.append(f"<|{message.get('role')}|>")
            words.extend(_content_text(message.get("content")).split())
        return [*words, "<|assistant|>"]
    prompt = body.get("prompt", "")
    if isinstance(prompt, list):
        return [word for item in prompt for word in str(item).split()]
    return str(prompt).split()


def token_ids(words: list[str]) -> list[int]:
    return [zlib.crc32(word.encode()) % 32_000 for word in words]


def output_words(prompt: list[str], count: int) -> list[str]:
    """Depends on the prompt alone, so that every recipe over the same prompt agrees with the baseline."""
    seed = zlib.crc32(" ".join(prompt).encode())
    return [WORDS[zlib.crc32(f"{seed}:{index}".encode()) % len(WORDS)] for index in range(count)]


def token_texts(words: list[str]) -> list[str]:
    return [word if index == 0 else f" {word}" for index, word in enumerate(words)]


def output_length(body: Mapping[str, Any], behaviour: Behaviour) -> tuple[int, str]:
    """Tokens to send and the finish reason."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is not None and int(limit) <= behaviour.tokens:
        return int(limit), "length"
    return behaviour.tokens, "stop"


def first_token_ms(behaviour: Behaviour, uncached_tokens: int) -> float:
    return behaviour.ttft_ms + behaviour.prefill_us * uncached_tokens / 1000


def steps(behaviour: Behaviour, total: int, uncached_tokens: int, spec_tokens: int, role: bool) -> list[Step]:
    """One step per chunk; with `role` the first is the role chunk, which holds no token.

    Under speculative decoding prefill yields one token and each later step 1 + accepted.
    """
    speculated = 1 + min(behaviour.spec_accept, spec_tokens)
    start, at_ms = 0, first_token_ms(behaviour, uncached_tokens)
    plan = [Step(max(0.0, at_ms - behaviour.role_lead_ms), 0, 0)] if role and behaviour.role_chunk else []
    while start < total:
        size = behaviour.tokens_per_chunk or (speculated if start else 1)
        stop = min(total, start + size)
        plan.append(Step(at_ms, start, stop))
        start, at_ms = stop, at_ms + behaviour.itl_ms
    return plan
