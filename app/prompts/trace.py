"""Rows of a trace that hides its texts (lengths, arrival times, hashes of shared blocks) -> prompts of that shape.

Mooncake's traces (blocks of 512 tokens, times in ms) and Qwen-Bailian's (blocks of 16, times in s, told by `chat_id`).
The text is made up: one common word for a token, each block's words drawn by its hash, so that prompts share exactly
the beginnings that the trace shared. Lengths in tokens are near, not equal: tokenizers differ. Sources:
kvcache-ai/Mooncake, FAST25-release/traces; alibaba-edu/qwen-bailian-usagetraces-anon.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any

from optimizers.errors import InputError

MOONCAKE_BLOCK, BAILIAN_BLOCK = 512, 16
LONGEST_TOKENS = 1_000_000
COMMON = """the of and to in is that it was for on are as with his they at be this from have or by one had not but what
all were when we there can an your which their said if do will each about how up out them then she many some so these
would other into has more her two like him see time could no make than first been its who now people my made over did
down only way find use may water long little very after words called just where most know"""
WORDS = tuple(COMMON.split())


def is_trace(row: Mapping[str, Any]) -> bool:
    return "hash_ids" in row and "input_length" in row


def from_trace(row: Mapping[str, Any]) -> dict[str, Any]:
    """A plain row with the text that the hashes stand for. Raises InputError."""
    length, ids = row["input_length"], row["hash_ids"]
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= LONGEST_TOKENS:
        raise InputError(f"input_length is {length!r}, but must be a whole number from 1 to {LONGEST_TOKENS:,}")
    bailian = "chat_id" in row
    block = BAILIAN_BLOCK if bailian else MOONCAKE_BLOCK
    blocks = math.ceil(length / block)
    if not isinstance(ids, list) or len(ids) != blocks:
        given = len(ids) if isinstance(ids, list) else "none"
        raise InputError(f"{length:,} tokens are {blocks} blocks of {block}, but hash_ids has {given}")
    words: list[str] = []
    for at, identifier in enumerate(ids):
        words += _words(str(identifier), block)[: length - at * block]
    made: dict[str, Any] = {"prompt": " ".join(words), "max_tokens": row.get("output_length")}
    stamp = row.get("timestamp")
    if stamp is not None:
        if isinstance(stamp, bool) or not isinstance(stamp, int | float):
            raise InputError(f"timestamp is {stamp!r}, but must be a number of {'seconds' if bailian else 'ms'}")
        made["arrival_s"] = stamp if bailian else stamp / 1000
    return made


@lru_cache(maxsize=4096)
def _words(identifier: str, count: int) -> list[str]:
    return Random(identifier).choices(WORDS, k=count)
