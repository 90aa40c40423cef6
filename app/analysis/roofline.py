"""Useful work of a run beside what the hardware could do: floating-point operations and bytes read. Pure.

Covers dense decoders with gated layers, told by their `model_type`; of others nothing is said. Work thrown away
(rejected drafts, padding, what a preempted request loses) does not count. Source: Chowdhery et al. 2022, PaLM,
appendix B: 2 operations for each weight and token, and 4 x layers x heads x head size for each pair of a token and
one that it attends to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

GATED = frozenset({"llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "phi3", "granite", "olmo2", "smollm3"})


@dataclass(frozen=True)
class ModelShape:
    """`body_weights` work on every token, `head_weights` on every written one; the table of input embeddings is looked
    up and does not count. `attention_width` is layers x heads x head size; `kv_bytes` are a token's keys and values, by
    `shape_of` in 16 bits."""

    body_weights: float
    head_weights: float
    attention_width: float
    kv_bytes: float

    def to_json(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True)
class Work:
    """`computed` are tokens that went through the model, `written` those that it wrote, `pairs` those of a computed
    token and one that it attends to, `read_tokens` the cached tokens that writing read again, step by step."""

    computed: float
    written: float
    pairs: float
    read_tokens: float


def shape_of(config: Mapping[str, Any]) -> ModelShape | None:
    """From a checkpoint's config.json; None for a model of another kind, or where a size is missing."""
    nested = config.get("text_config")
    found = nested if isinstance(nested, Mapping) else config
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
    sizes = [found.get(name) for name in names]
    if found.get("model_type") not in GATED or not all(isinstance(size, int) and size > 0 for size in sizes):
        return None
    hidden, layers, heads, middle, vocabulary = (int(size or 0) for size in sizes)
    kv_heads = found.get("num_key_value_heads") or heads
    head = found.get("head_dim") or hidden // heads
    if not isinstance(kv_heads, int) or not isinstance(head, int):
        return None
    attention = 2 * hidden * heads * head + 2 * hidden * kv_heads * head
    return ModelShape(
        body_weights=layers * (attention + 3 * hidden * middle),
        head_weights=vocabulary * hidden,
        attention_width=layers * heads * head,
        kv_bytes=2 * layers * kv_heads * head * 2,
    )


def work_of(requests: Iterable[tuple[int, int, int]]) -> Work:
    """From (prompt, cached, output) tokens of each request.

    The last output token is written and not computed any further.
    """
    computed = written = pairs = read = 0.0
    for prompt, cached, output in requests:
        decoded = max(0, output - 1)
        first, last = cached, prompt + decoded
        computed += last - first
        written += output
        # Token n attends to itself and to the n - 1 before it.
        pairs += (last * (last + 1) - first * (first + 1)) / 2
        read += decoded * prompt + decoded * (decoded + 1) / 2
    return Work(computed, written, pairs, read)


def operations(shape: ModelShape, work: Work) -> float:
    """2 x (body x computed + head x written) + 4 x attention width x pairs."""
    return (
        2 * (shape.body_weights * work.computed + shape.head_weights * work.written)
        + 4 * shape.attention_width * work.pairs
    )


def bytes_read(shape: ModelShape, work: Work, weight_bytes: float, steps: float) -> float:
    """The weights once for each step of the engine, and the keys and values that writing reads."""
    return weight_bytes * steps + shape.kv_bytes * work.read_tokens
