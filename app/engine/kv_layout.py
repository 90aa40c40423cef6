"""What a config.json says about keys and values: how many bytes a token leaves behind in each layer, and for how long.

Pure. Knows grouped, multi-query and latent attention, sliding windows and chunks. Layers that keep a state instead
(Mamba, linear attention) have a size that config.json does not tell: the layout then says so and counts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimizers.draft_heads import text_config
from optimizers.kv_blocks import whole_blocks

LATENT = frozenset({
    "axk1", "deepseek_v2", "deepseek_v3", "deepseek_v32", "glm4_moe_lite", "kimi_k2", "longcat_flash",
    "pangu_ultra_moe",
})  # fmt: skip
"""Model types whose latent attention vLLM 0.32 caches as it is (`is_deepseek_mla` of its model_arch_config_convertor);
it unpacks that of others."""
EVERY_LAYER = frozenset({"mistral", "mixtral", "ministral", "phi3", "phimoe", "starcoder2"})
"""Model types whose `sliding_window` holds for every layer."""
ONE_IN: Mapping[str, int] = {"gemma2": 2, "gemma3": 6, "gemma3_text": 6, "cohere2": 4}
"""Model types of which one layer in so many sees the whole context, where config.json has no `layer_types`."""
STATE_SIZES = ("mamba_d_state", "mamba_d_ssm", "ssm_state_size", "state_size", "linear_num_value_heads")
WHOLE, WINDOW, CHUNK = "full_attention", "sliding_attention", "chunked_attention"


@dataclass(frozen=True)
class KvLayers:
    """`count` layers that each keep `numbers` for a token; `window` is how many tokens back they look, None for all."""

    count: int
    numbers: int
    window: int | None = None


@dataclass(frozen=True)
class KvLayout:
    """`layers` is empty where it is not known, and `unknown` says why. `kind` names the attention."""

    layers: tuple[KvLayers, ...]
    kind: str
    unknown: str | None = None

    def numbers_for(self, tokens: int, step_tokens: int = 0, block_tokens: int = 1) -> int:
        """Numbers kept for a request of that many tokens, each layer's tokens rounded up to whole blocks.

        A layer with a window keeps the tokens before it that it looks back on and those of the step: window - 1 +
        `step_tokens`, and one block more because a window may begin in the middle of one. (SlidingWindowSpec and
        FullAttentionSpec of vllm/v1/kv_cache_interface.py, vLLM 0.32.)
        """
        found = 0
        for group in self.layers:
            kept, extra = tokens, 0
            if group.window is not None and group.window - 1 + step_tokens < tokens:
                kept, extra = group.window - 1 + step_tokens, block_tokens if block_tokens > 1 else 0
            whole = whole_blocks(kept, block_tokens) + extra
            found += group.count * group.numbers * min(whole, whole_blocks(tokens, block_tokens))
        return found

    @property
    def numbers_per_token(self) -> int:
        return sum(group.count * group.numbers for group in self.layers)


def kv_layout(config: Mapping[str, Any]) -> KvLayout:
    """Numbers for each token and layer: 2 x KV heads x head size (keys and values), or with latent attention
    kv_lora_rank + qk_rope_head_dim, which stand for both.

    Source: Ainslie et al., GQA (2023), for shared heads; DeepSeek-V2 (2024), section 2.1, for the latent form.
    """
    text = text_config(config)
    layers = _first(text, "num_hidden_layers", "n_layer", "num_layers")
    if layers is None:
        return _unknown("config.json does not say how many layers there are")
    kinds = text.get("layer_types")
    kinds = [str(kind) for kind in kinds] if isinstance(kinds, list) and len(kinds) == layers else None
    strange = sorted({kind for kind in kinds or () if kind not in (WHOLE, WINDOW, CHUNK)})
    if strange or _has_state(text):
        return _unknown(
            f"layers of the kind {strange[0] if strange else 'Mamba'} keep a state whose size config.json does not tell"
        )
    rank, rope = _size(text, "kv_lora_rank"), _size(text, "qk_rope_head_dim")
    if rank is not None:
        if str(text.get("model_type")) not in LATENT or rope is None:
            return _unknown("config.json tells of latent attention (MLA), but not in a form that is known here")
        return KvLayout((KvLayers(layers, rank + rope),), "latent (MLA)")
    heads, head_size = _kv_heads(text), _head_size(text)
    if heads is None or head_size is None:
        return _unknown("config.json does not give one number of KV heads and one head size for all layers")
    shared = _size(text, "num_kv_shared_layers") or 0
    return KvLayout(_windowed(text, layers, shared, kinds, 2 * heads * head_size), _kind(text, heads))


def _windowed(
    text: Mapping[str, Any], layers: int, shared: int, kinds: list[str] | None, numbers: int
) -> tuple[KvLayers, ...]:
    """Layers by their window. The last `shared` ones use keys and values of earlier layers and keep none."""
    windows = [_window(text, at, kinds, layers) for at in range(layers - shared)]
    found: dict[int | None, int] = {}
    for window in windows:
        found[window] = found.get(window, 0) + 1
    return tuple(KvLayers(count, numbers, window) for window, count in found.items())


def _window(text: Mapping[str, Any], at: int, kinds: list[str] | None, layers: int) -> int | None:
    """How far back layer `at` looks, None for the whole context.

    A window that config.json names without saying whose it is counts for nothing: the larger size is the safe one.
    """
    window, kind = _size(text, "sliding_window"), str(text.get("model_type"))
    if kinds is not None:
        return {WINDOW: window, CHUNK: _size(text, "attention_chunk_size")}.get(kinds[at])
    if window is None or text.get("use_sliding_window") is False:
        return None
    if kind in EVERY_LAYER:
        return window
    if kind.startswith("qwen2") and text.get("use_sliding_window"):
        return window if at >= (_size(text, "max_window_layers") or layers) else None
    every = _size(text, "sliding_window_pattern") or ONE_IN.get(kind)
    return window if every is not None and (at + 1) % every else None


def _kv_heads(text: Mapping[str, Any]) -> int | None:
    heads = _first(text, "num_attention_heads", "n_head")
    for key in ("n_head_kv", "num_kv_heads", "num_key_value_heads", "multi_query_group_num", "num_attention_groups"):
        value = text.get(key)
        if value is not None:
            # Some architectures list a value for each layer.
            return value if isinstance(value, int) and value > 0 else None
    if text.get("multi_query") and not text.get("new_decoder_architecture"):
        return 1
    return heads


def _head_size(text: Mapping[str, Any]) -> int | None:
    given = text.get("head_dim") or text.get("kv_channels")
    if given:
        return given if isinstance(given, int) else None
    heads, hidden = _first(text, "num_attention_heads", "n_head"), _first(text, "hidden_size", "n_embd")
    return None if heads is None or hidden is None else hidden // heads


def _kind(text: Mapping[str, Any], kv_heads: int) -> str:
    heads = _first(text, "num_attention_heads", "n_head")
    if kv_heads == heads:
        return "multi-head (MHA)"
    return "multi-query (MQA)" if kv_heads == 1 else "grouped-query (GQA)"


def _has_state(text: Mapping[str, Any]) -> bool:
    return any(text.get(name) for name in STATE_SIZES)


def _first(text: Mapping[str, Any], *keys: str) -> int | None:
    return next((found for key in keys if (found := _size(text, key)) is not None), None)


def _size(text: Mapping[str, Any], key: str) -> int | None:
    value = text.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _unknown(why: str) -> KvLayout:
    return KvLayout((), "unknown", why)
