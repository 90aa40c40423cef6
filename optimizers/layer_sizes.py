"""The linear layers of a decoder, from its config.json: what a quantizer cuts into groups. Loads no weights.

Knows the names that Llama and its kin use. For any other model the answer is empty: nothing is known, nothing refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Linear:
    name: str
    inputs: int
    outputs: int


def linear_layers(config: Mapping[str, Any]) -> tuple[Linear, ...]:
    """Each kind of linear layer once."""
    nested = config.get("text_config")
    text = nested if isinstance(nested, Mapping) else config
    hidden, intermediate = _size(text, "hidden_size"), _size(text, "intermediate_size")
    heads = _size(text, "num_attention_heads")
    if hidden is None or heads is None:
        return ()
    head = _size(text, "head_dim") or hidden // heads
    queries, keys = heads * head, (_size(text, "num_key_value_heads") or heads) * head
    attention = (
        Linear("q_proj", hidden, queries),
        Linear("k_proj", hidden, keys),
        Linear("v_proj", hidden, keys),
        Linear("o_proj", queries, hidden),
    )
    if intermediate is None:
        return attention
    return (
        *attention,
        Linear("gate_proj", hidden, intermediate),
        Linear("up_proj", hidden, intermediate),
        Linear("down_proj", intermediate, hidden),
    )


def _size(config: Mapping[str, Any], key: str) -> int | None:
    value = config.get(key)
    return value if isinstance(value, int) and value > 0 else None
