"""What the server with known times does to each request, by its number alone: the benchmark can tell it beforehand."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from random import Random
from typing import Literal, Self

Fate = Literal["whole", "cut", "busy"]


@dataclass(frozen=True)
class Behaviour:
    """`itl_ms` lies between chunks, each of `per_chunk` tokens. Jitters are drawn evenly from either side, by `seed`.

    The first `reasoning` of all `tokens` are reasoning, under `reasoning_key`. `stall_ms` is added before chunk
    `stall_at`, counted from 1. Every `cut_every`th request is cut off in the middle of chunk `cut_at`, and every
    `busy_every`th is answered `busy_status` and Retry-After; 0 is never. Of more than `limit` at once, 0 being without
    limit, the rest are busy too.
    """

    ttft_ms: float = 100.0
    itl_ms: float = 20.0
    tokens: int = 16
    per_chunk: int = 1
    ttft_jitter_ms: float = 0.0
    itl_jitter_ms: float = 0.0
    seed: int = 0
    reasoning: int = 0
    reasoning_key: str = "reasoning"
    stall_at: int = 0
    stall_ms: float = 0.0
    cut_every: int = 0
    cut_at: int = 4
    busy_every: int = 0
    busy_status: int = 429
    retry_after_s: int = 2
    limit: int = 0

    def arguments(self) -> list[str]:
        """For the server's command line."""
        return [f"--{field.name.replace('_', '-')}={getattr(self, field.name)}" for field in fields(self)]

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        for field in fields(cls):
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)

    @classmethod
    def parsed(cls, given: argparse.Namespace) -> Self:
        return cls(**{field.name: getattr(given, field.name) for field in fields(cls)})


@dataclass(frozen=True)
class Step:
    """One chunk: how long after the request was read it is written, and what it holds."""

    after_s: float
    tokens: int
    reasoning: bool


def fate(behaviour: Behaviour, number: int) -> Fate:
    """Of the `number`th request that arrives, counted from 1."""
    if behaviour.busy_every and number % behaviour.busy_every == 0:
        return "busy"
    return "cut" if behaviour.cut_every and number % behaviour.cut_every == 0 else "whole"


def steps(behaviour: Behaviour, number: int) -> list[Step]:
    """The chunks of one answer. A chunk holds reasoning or answer, never both."""
    random = Random(f"{behaviour.seed}/{number}")
    due_ms = behaviour.ttft_ms + _drawn(random, behaviour.ttft_jitter_ms)
    found: list[Step] = []
    done = 0
    while done < behaviour.tokens:
        thinks = done < behaviour.reasoning
        size = min(behaviour.per_chunk, (behaviour.reasoning if thinks else behaviour.tokens) - done)
        if found:
            due_ms += max(0.0, behaviour.itl_ms + _drawn(random, behaviour.itl_jitter_ms))
        if len(found) + 1 == behaviour.stall_at:
            due_ms += behaviour.stall_ms
        found.append(Step(max(0.0, due_ms) / 1000, size, thinks))
        done += size
    return found


def _drawn(random: Random, jitter_ms: float) -> float:
    return random.uniform(-jitter_ms, jitter_ms) if jitter_ms else 0.0
