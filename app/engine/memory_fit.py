"""Does a model fit, before anything is loaded: weights, keys and values, and what the engine itself takes.

Pure. The sizes of weights and of keys and values come from the checkpoint; activations and the engine's own memory are
assumptions, named as such wherever they are shown. An engine that has started says the truth in its log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.engine.checkpoint import Checkpoint
from app.engine.kv_layout import KvLayout
from app.engine.weights import Weights
from optimizers.draft_heads import text_config
from optimizers.errors import InputError
from optimizers.kv_blocks import block_tokens

GIB = 2**30
GPU_SHARE = 0.92
"""Of a GPU's memory: what vLLM 0.32 takes at most (`gpu_memory_utilization`, vllm/config/cache.py)."""
STEP_TOKENS, LARGE_GPU_STEP_TOKENS, LARGE_GPU_BYTES = 2048, 8192, 70 * GIB
"""Tokens of one step, `max_num_batched_tokens`: `get_batch_defaults` of vllm/engine/arg_utils.py for a server."""
ENGINE_BYTES: Mapping[str, int] = {"cpu": int(1.5 * GIB), "cuda": int(1.5 * GIB)}
"""An assumption. CPU: what three processes with torch and vLLM hold without a model, 1.49 GiB in the one start that was
looked at (docs/design/019-models.md). GPU: CUDA's context and graphs."""
FAR = 2**24
"""Tokens beyond which nobody asks, where config.json names no longest context."""
GROUP = 128
"""Weights that share a scale of 16 bits in the 4-bit form."""

DEFAULT_CONTEXT, DEFAULT_REQUESTS = 2048, 8
"""The load that a fit is asked for where nobody says another; the context no longer than the model's own."""

AS_SERVED = "as-served"
FORMS = (AS_SERVED, "fp32", "16-bit", "int8", "int4")
"""How the weights are held. 16-bit is fp16 and bf16, int8 also fp8."""
KV_FORMS: Mapping[str, int] = {"auto": 2, "fp8": 1}
"""Bytes of a number of keys and values: `--kv-cache-dtype`. auto is what the engine computes in, 4 bytes with fp32."""


@dataclass(frozen=True)
class Room:
    """Memory that an engine may have, in bytes. `kind` is "RAM" or "GPU memory". `full_width` says that engines hold
    numbers of 16 bits as 32 there, unless they are told otherwise (plan.py)."""

    device: Literal["cpu", "cuda"]
    total_bytes: int
    free_bytes: int
    full_width: bool = False

    @property
    def kind(self) -> str:
        return "GPU memory" if self.device == "cuda" else "RAM"

    @property
    def usable_bytes(self) -> int:
        """What is free; of a GPU no more than the share that vLLM takes."""
        if self.device == "cuda":
            return min(self.free_bytes, int(GPU_SHARE * self.total_bytes))
        return self.free_bytes

    @property
    def step_tokens(self) -> int:
        large = self.device == "cuda" and self.total_bytes >= LARGE_GPU_BYTES
        return LARGE_GPU_STEP_TOKENS if large else STEP_TOKENS


@dataclass(frozen=True)
class Load:
    """`context` is the longest request in tokens, prompt and answer together; `requests` run at once."""

    context: int
    requests: int


@dataclass(frozen=True)
class Widths:
    """What activations go by: sizes of the hidden state, of the widest layer inside a block, and of the vocabulary."""

    hidden: int = 0
    middle: int = 0
    vocabulary: int = 0


@dataclass(frozen=True)
class Fit:
    """Bytes of each part. `kv_bytes` and all that follows from it are None where the layout is not known.

    `most_requests` is how many of that context fit, `longest_context` how long those requests may become: None where
    not one block fits. Neither goes beyond the model's own context.
    """

    load: Load
    room: Room
    weight_bytes: int
    activation_bytes: int
    engine_bytes: int
    kv_bytes_per_request: int | None
    kv_bytes: int | None
    most_requests: int | None
    longest_context: int | None

    @property
    def other_bytes(self) -> int:
        return self.weight_bytes + self.activation_bytes + self.engine_bytes

    @property
    def needed_bytes(self) -> int | None:
        return None if self.kv_bytes is None else self.other_bytes + self.kv_bytes

    @property
    def left_bytes(self) -> int:
        """What is left for keys and values; negative where the model itself does not fit."""
        return self.room.usable_bytes - self.other_bytes

    @property
    def fits(self) -> bool | None:
        if self.kv_bytes is None:
            return False if self.left_bytes < 0 else None
        return self.kv_bytes <= self.left_bytes


def weight_bytes(weights: Weights, form: str, full_width: bool = False) -> int:
    """Bytes of the weights in memory.

    as-served: numbers of 16 bits or more become 16 bits, as vLLM's `--dtype auto` loads them, or 32 with `full_width`,
    and packed ones stay.
    int8 and int4 pack the linear layers (int4 with a scale of 16 bits for each 128 weights) and leave the rest in 16
    bits, int8 in 32 with `full_width`: Lin et al., AWQ (2023), and Frantar et al., GPTQ (2022).
    """
    rest = weights.numbers - weights.linear
    if form == AS_SERVED:
        return (4 if full_width else 2) * weights.full + weights.other_bytes
    if form == "fp32":
        return 4 * weights.numbers
    if form == "16-bit":
        return 2 * weights.numbers
    if form == "int8":
        return weights.linear + (4 if full_width else 2) * rest
    return weights.linear // 2 + 2 * (weights.linear // GROUP) + 2 * rest


def fit_checkpoint(
    checkpoint: Checkpoint, weights: Weights | None, room: Room, load: Load, form: str = AS_SERVED, kv: str = "auto"
) -> Fit:
    """Raises InputError for a load that is none, a context beyond the model's own, and a form that these weights cannot
    be counted in."""
    longest = checkpoint.max_length
    if load.context < 1 or load.requests < 1:
        raise InputError(f"{load.requests} requests of {load.context} tokens are no load; give at least 1 of each")
    if longest is not None and load.context > longest:
        raise InputError(f"the context is {load.context:,} tokens, but {checkpoint.name} was made for {longest:,}")
    if form not in FORMS or kv not in KV_FORMS:
        raise InputError(f"weights {form!r}, keys and values {kv!r}: give {', '.join(FORMS)}; {', '.join(KV_FORMS)}")
    if form != AS_SERVED and checkpoint.quantization:
        raise InputError(f"{checkpoint.name} is quantized already ({checkpoint.quantization}); it is served as it is")
    if form != AS_SERVED and weights is None:
        raise InputError(f"the weights of {checkpoint.name} are no safetensors files, so only {AS_SERVED} is known")
    held = checkpoint.weight_bytes if weights is None else weight_bytes(weights, form, room.full_width)
    number = kv_number_bytes(form == "fp32" or (form in (AS_SERVED, "int8") and room.full_width), kv)
    return memory_fit(checkpoint.kv_layout, held, widths_of(checkpoint.config), room, load, number, longest)


def widths_of(config: Mapping[str, Any]) -> Widths:
    """0 for what config.json does not tell. Experts count as many times as a token goes through them."""
    text = text_config(config)

    def size(*names: str) -> int:
        return next((text[name] for name in names if isinstance(text.get(name), int)), 0)

    experts = size("moe_intermediate_size") * size("num_experts_per_tok")
    middle = max(size("intermediate_size", "n_inner", "ffn_hidden_size"), experts)
    return Widths(size("hidden_size", "n_embd"), middle, size("vocab_size"))


def memory_fit(
    layout: KvLayout,
    weights: int,
    widths: Widths,
    room: Room,
    load: Load,
    kv_bytes_per_number: int = 2,
    longest: int | None = None,
) -> Fit:
    """`weights` in bytes; `longest` is the model's own context in tokens.

    Keys and values of one request: numbers for each token (kv_layout.py: 2 x layers x KV heads x head size) x bytes of
    a number x tokens, rounded up to whole blocks as the engine gives them out; and one block that it holds back (the
    null block of vllm/v1/core/block_pool.py). Activations of one step: tokens of a step x (4 x hidden + 2 x middle) x 2
    bytes for the states that live at the same time in a block, and logits of 4 bytes for each request and word.
    """
    step, block = room.step_tokens, block_tokens(room.device)
    activations = 2 * step * (4 * widths.hidden + 2 * widths.middle) + 4 * widths.vocabulary * load.requests
    engine = ENGINE_BYTES[room.device]
    if not layout.layers:
        return Fit(load, room, weights, activations, engine, None, None, None, None)

    def request_bytes(tokens: int) -> int:
        return kv_bytes_per_number * layout.numbers_for(tokens, step, block)

    each = request_bytes(load.context)
    held_back = kv_bytes_per_number * layout.numbers_per_token * block
    left = room.usable_bytes - weights - activations - engine - held_back
    # Each further request brings its logits as well.
    logits = 4 * widths.vocabulary
    most = max(0, (left + logits * load.requests) // (each + logits))
    share = left // load.requests
    return Fit(
        load, room, weights, activations, engine, each, each * load.requests + held_back, most,
        _longest(request_bytes, share, block, longest),
    )  # fmt: skip


def kv_number_bytes(full_width: bool, kv: str) -> int:
    """Bytes of a number of keys and values; `full_width` is a model that runs in 32 bits, `kv` --kv-cache-dtype."""
    return 4 if full_width and kv == "auto" else KV_FORMS.get(kv, 2)


def kv_tokens(layout: KvLayout, cache_bytes: int, block: int, kv_bytes_per_number: int = 2) -> int | None:
    """Tokens that a KV cache of that size holds, in whole blocks of `block` tokens; what vLLM logs as "KV cache size".
    One block of them is held back."""
    if not layout.layers:
        return None
    return cache_bytes // (kv_bytes_per_number * layout.numbers_per_token * block) * block


def _longest(bytes_of: Callable[[int], int], share: int, block: int, longest: int | None) -> int | None:
    """The most tokens, in whole blocks or the model's own context, whose bytes stay within `share`."""
    if longest is not None and bytes_of(longest) <= share:
        return longest
    low, high = 0, (longest or FAR) // block
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if bytes_of(middle * block) <= share else (low, middle - 1)
    return low * block or None
