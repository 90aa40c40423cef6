"""Keys and values of known architectures, worked out by hand from their published config.json."""

from __future__ import annotations

from typing import Any

import pytest

from app.engine.kv_layout import KvLayers, kv_layout

LLAMA3_8B = {
    "model_type": "llama", "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "hidden_size": 4096,
}  # fmt: skip
QWEN25_7B = {
    "model_type": "qwen2", "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
    "hidden_size": 3584, "sliding_window": 131072, "use_sliding_window": False, "max_window_layers": 28,
}  # fmt: skip
MISTRAL_7B = {
    "model_type": "mistral", "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "hidden_size": 4096, "sliding_window": 4096,
}  # fmt: skip
DEEPSEEK_V3 = {
    "model_type": "deepseek_v3", "num_hidden_layers": 61, "num_attention_heads": 128, "num_key_value_heads": 128,
    "hidden_size": 7168, "kv_lora_rank": 512, "qk_rope_head_dim": 64,
}  # fmt: skip
GEMMA3_4B = {
    "model_type": "gemma3",
    "text_config": {
        "model_type": "gemma3_text", "num_hidden_layers": 34, "num_attention_heads": 8, "num_key_value_heads": 4,
        "head_dim": 256, "hidden_size": 2560, "sliding_window": 1024,
    },
}  # fmt: skip
GPT_OSS = {
    "model_type": "gpt_oss", "num_hidden_layers": 4, "num_attention_heads": 64, "num_key_value_heads": 8,
    "head_dim": 64, "hidden_size": 2880, "sliding_window": 128,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
}  # fmt: skip
FALCON_7B = {"model_type": "falcon", "num_hidden_layers": 32, "num_attention_heads": 71, "hidden_size": 4544,
             "multi_query": True}  # fmt: skip
GPT2 = {"model_type": "gpt2", "n_layer": 12, "n_head": 12, "n_embd": 768}


@pytest.mark.parametrize(
    ("config", "kib", "kind"),
    [
        (LLAMA3_8B, 128.0, "grouped-query (GQA)"),  # 2 x 32 x 8 x 128 x 2 bytes
        (QWEN25_7B, 56.0, "grouped-query (GQA)"),  # 2 x 28 x 4 x 128 x 2
        (MISTRAL_7B, 128.0, "grouped-query (GQA)"),
        (DEEPSEEK_V3, 68.625, "latent (MLA)"),  # 61 x (512 + 64) x 2
        (GEMMA3_4B, 136.0, "grouped-query (GQA)"),  # 2 x 34 x 4 x 256 x 2
        (GPT_OSS, 8.0, "grouped-query (GQA)"),
        (FALCON_7B, 8.0, "multi-query (MQA)"),  # 2 x 32 x 1 x 64 x 2
        (GPT2, 36.0, "multi-head (MHA)"),  # 2 x 12 x 12 x 64 x 2
    ],
)
def test_a_token_in_16_bits(config: dict[str, Any], kib: float, kind: str) -> None:
    layout = kv_layout(config)
    assert 2 * layout.numbers_per_token / 1024 == kib
    assert (layout.kind, layout.unknown) == (kind, None)


def test_windows_are_those_of_their_layers() -> None:
    assert kv_layout(LLAMA3_8B).layers == (KvLayers(32, 2048),)
    assert kv_layout(MISTRAL_7B).layers == (KvLayers(32, 2048, 4096),)
    assert kv_layout(QWEN25_7B).layers == (KvLayers(28, 1024),)
    # One layer in six sees everything: 5 of 34.
    assert kv_layout(GEMMA3_4B).layers == (KvLayers(29, 2048, 1024), KvLayers(5, 2048))
    assert kv_layout(GPT_OSS).layers == (KvLayers(2, 1024, 128), KvLayers(2, 1024))
    used = {**QWEN25_7B, "use_sliding_window": True, "max_window_layers": 20}
    assert kv_layout(used).layers == (KvLayers(20, 1024), KvLayers(8, 1024, 131072))


def test_a_window_of_nobody_counts_for_nothing() -> None:
    unsaid = {**LLAMA3_8B, "model_type": "new_model", "sliding_window": 4096}
    assert kv_layout(unsaid).layers == (KvLayers(32, 2048),)


def test_layers_that_share_keep_nothing() -> None:
    assert kv_layout({**LLAMA3_8B, "num_kv_shared_layers": 12}).layers == (KvLayers(20, 2048),)


@pytest.mark.parametrize(
    ("tokens", "numbers"),
    [
        (100, 4 * 128),  # a window that is not full yet: whole blocks of 32
        (200, 2 * 224 + 2 * (128 + 32)),  # 128 - 1 tokens back, in blocks, and one block more
    ],
)
def test_a_window_keeps_what_it_looks_back_on(tokens: int, numbers: int) -> None:
    assert kv_layout(GPT_OSS).numbers_for(tokens, block_tokens=32) == 1024 * numbers


def test_a_step_is_kept_beside_the_window() -> None:
    whole = kv_layout(GPT_OSS).numbers_per_token
    assert kv_layout(GPT_OSS).numbers_for(1000, step_tokens=2048) == 1000 * whole


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"model_type": "mamba"}, "does not say how many layers"),
        ({"num_hidden_layers": 2, "layer_types": ["linear_attention", "full_attention"]}, "linear_attention"),
        ({**LLAMA3_8B, "mamba_d_state": 128}, "Mamba"),
        ({**LLAMA3_8B, "num_key_value_heads": [1, 2]}, "one number of KV heads"),
        ({**DEEPSEEK_V3, "model_type": "minicpm3"}, "latent attention (MLA)"),
    ],
)  # fmt: skip
def test_what_is_not_told_is_not_counted(config: dict[str, Any], why: str) -> None:
    layout = kv_layout(config)
    assert layout.layers == ()
    assert why in str(layout.unknown)
