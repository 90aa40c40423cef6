"""Memory fits worked out by hand, and against what a real engine logged."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.engine.checkpoint import Checkpoint, read_checkpoint
from app.engine.fit_words import amount, parts, refusals, verdict
from app.engine.hardware import Hardware
from app.engine.kv_layout import kv_layout
from app.engine.memory_fit import (
    AS_SERVED,
    ENGINE_BYTES,
    GIB,
    Fit,
    Load,
    Room,
    Widths,
    fit_checkpoint,
    kv_tokens,
    memory_fit,
    weight_bytes,
    widths_of,
)
from app.engine.weights import Weights, read_weights
from optimizers.errors import InputError
from optimizers.kv_blocks import block_tokens
from tests.app.engine.test_kv_layout import DEEPSEEK_V3, GEMMA3_4B, LLAMA3_8B, QWEN25_7B
from tests.building import LLAMA, checkpoint_folder

RAM = Room("cpu", 64 * GIB, 40 * GIB)
NOTHING = Widths()
STARTER = {"num_hidden_layers": 7, "num_attention_heads": 6, "num_key_value_heads": 6, "hidden_size": 384}
DRAFT = {"num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 4, "hidden_size": 256}


def fit(config: dict[str, Any], context: int, requests: int, room: Room = RAM, weights: int = 16 * GIB) -> Fit:
    return memory_fit(kv_layout(config), weights, NOTHING, room, Load(context, requests), longest=131_072)


def test_llama_3_8b_by_hand() -> None:
    found = fit(LLAMA3_8B, 2048, 8)
    assert found.kv_bytes_per_request == 2048 * 128 * 1024  # 256 MiB
    block = 128 * 128 * 1024  # 16 MiB, held back
    assert found.kv_bytes == 2 * GIB + block
    left = 40 * GIB - 16 * GIB - ENGINE_BYTES["cpu"] - block
    assert found.most_requests == left // (256 * 2**20) == 89
    assert found.fits
    assert verdict(found) == "Fits with 8 requests of 2,048 tokens; the most is 89."


def test_qwen_25_7b_by_hand() -> None:
    assert fit(QWEN25_7B, 4096, 1).kv_bytes_per_request == 4096 * 56 * 1024


def test_latent_attention_by_hand() -> None:
    assert fit(DEEPSEEK_V3, 1280, 2).kv_bytes == (2 * 1280 + 128) * 61 * 576 * 2


def test_windows_save_beyond_window_and_step() -> None:
    found = fit(GEMMA3_4B, 8192, 1)
    windowed = -(-(1023 + 2048) // 128) * 128 + 128
    assert found.kv_bytes_per_request == 2 * (5 * 8192 + 29 * windowed) * 2048


def test_tokens_are_rounded_up_to_blocks() -> None:
    assert fit(LLAMA3_8B, 1, 1).kv_bytes_per_request == 128 * 128 * 1024
    assert fit(LLAMA3_8B, 17, 1, Room("cuda", 80 * GIB, 80 * GIB)).kv_bytes_per_request == 32 * 128 * 1024


def test_a_fit_is_as_large_as_the_cache_that_an_engine_needs() -> None:
    """The starter's 1,024 tokens are 8 blocks: vLLM refuses a cache of 8 and starts with 9."""
    found = fit(STARTER, 1024, 1)
    assert found.kv_bytes is not None
    assert kv_tokens(kv_layout(STARTER), found.kv_bytes, 128) == 9 * 128


def test_what_does_not_fit_says_what_would() -> None:
    found = fit(LLAMA3_8B, 32_768, 8)
    assert found.fits is False
    assert found.most_requests == 5
    assert found.longest_context is not None
    assert found.longest_context % 128 == 0
    assert fit(LLAMA3_8B, found.longest_context, 8).fits
    assert not fit(LLAMA3_8B, found.longest_context + 1, 8).fits
    said = verdict(found)
    assert said.startswith("Does not fit with 8 requests of 32,768 tokens: that takes 49.5 GiB, and there are 40.0 GiB")
    assert f"the most is 5 requests; 8 at once fit up to {found.longest_context:,} tokens" in said


def test_weights_alone_can_be_too_much() -> None:
    found = fit(LLAMA3_8B, 1024, 1, weights=60 * GIB)
    assert (found.fits, found.most_requests, found.longest_context) == (False, 0, None)
    assert verdict(found).startswith("Does not fit: the weights and the engine itself take 61.5 GiB")


def test_what_is_not_known_is_not_counted() -> None:
    found = fit({"model_type": "mamba"}, 1024, 1)
    assert (found.fits, found.kv_bytes, found.needed_bytes) == (None, None, None)
    assert verdict(found) == "Not known: the weights leave 22.5 GiB of 40.0 GiB of RAM for keys and values."
    assert parts(found)[1] == ("KV cache", None, "not known")
    assert amount(None) == "–"


def test_a_gpu_gives_no_more_than_its_share_nor_than_is_free() -> None:
    assert Room("cuda", 80 * GIB, 80 * GIB).usable_bytes == int(0.92 * 80 * GIB)
    assert Room("cuda", 80 * GIB, 20 * GIB).usable_bytes == 20 * GIB


def test_more_requests_need_more_logits() -> None:
    wide = Widths(vocabulary=2**18)
    layout = kv_layout(LLAMA3_8B)
    most = memory_fit(layout, 0, wide, RAM, Load(1024, 1)).most_requests
    assert most is not None
    assert memory_fit(layout, 0, wide, RAM, Load(1024, most)).fits
    assert not memory_fit(layout, 0, wide, RAM, Load(1024, most + 1)).fits


@pytest.mark.parametrize(
    ("layers", "tokens"),
    [
        # "CPU KV cache size: 262,144 tokens" of the starter model with --kv-cache-memory-bytes 2818572288
        ([STARTER], 262_144),
        # "203,776 tokens" with the draft model beside it; vLLM 0.32, blocks of 128
        ([STARTER, DRAFT], 203_776),
    ],
)
def test_the_formula_is_what_an_engine_logged(layers: list[dict[str, Any]], tokens: int) -> None:
    layouts = [kv_layout(config) for config in layers]
    together = replace(layouts[0], layers=tuple(group for layout in layouts for group in layout.layers))
    assert kv_tokens(together, 2_818_572_288, block_tokens("cpu")) == tokens


def test_forms_of_weights() -> None:
    weights = Weights({"BF16": 2_000_000}, numbers=1_000_000, linear=900_000, full=1_000_000, other_bytes=0)
    rest = 2 * 100_000
    assert weight_bytes(weights, "as-served") == weight_bytes(weights, "16-bit") == 2_000_000
    assert weight_bytes(weights, "fp32") == 4_000_000
    assert weight_bytes(weights, "int8") == 900_000 + rest
    assert weight_bytes(weights, "int4") == 450_000 + 2 * (900_000 // 128) + rest


def test_the_starters_four_bits_are_as_large_as_those_that_gptq_made() -> None:
    """13,418,496 of its 14,210,688 numbers are in linear layers; GPTQ's file has 8,504,080 bytes of tensors."""
    weights = Weights({"BF16": 28_421_376}, 14_210_688, 13_418_496, 14_210_688, 0)
    assert weight_bytes(weights, "int4") == pytest.approx(8_504_080, rel=1e-3)


@pytest.fixture
def tiny(tmp_path: Path) -> Checkpoint:
    folder = checkpoint_folder(tmp_path / "tiny")
    header = {
        "model.embed_tokens.weight": {"dtype": "F32", "shape": [100, 64], "data_offsets": [0, 25600]},
        "model.layers.0.mlp.up_proj.weight": {"dtype": "F32", "shape": [128, 64], "data_offsets": [25600, 58368]},
    }
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    return read_checkpoint(folder)


def test_a_checkpoint_is_fitted_as_it_is_served(tiny: Checkpoint) -> None:
    weights = read_weights(tiny.folder)
    assert weights is not None
    assert fit_checkpoint(tiny, weights, RAM, Load(128, 1)).weight_bytes == 2 * (6400 + 8192)
    wide = fit_checkpoint(tiny, weights, RAM, Load(128, 1), "fp32")
    assert wide.weight_bytes == 4 * (6400 + 8192)
    assert wide.kv_bytes == 2 * (fit_checkpoint(tiny, weights, RAM, Load(128, 1)).kv_bytes or 0)
    assert (
        fit_checkpoint(tiny, weights, RAM, Load(128, 1), kv="fp8").kv_bytes
        == 2 * 128 * tiny.kv_layout.numbers_per_token
    )
    assert widths_of(LLAMA) == Widths(64, 0, 0)


def test_where_engines_compute_in_32_bits_so_is_what_they_hold(tiny: Checkpoint) -> None:
    weights = read_weights(tiny.folder)
    assert weights is not None
    wide = replace(RAM, full_width=True)
    assert fit_checkpoint(tiny, weights, wide, Load(128, 1)) == replace(
        fit_checkpoint(tiny, weights, RAM, Load(128, 1), "fp32"), room=wide
    )
    narrow = fit_checkpoint(tiny, weights, RAM, Load(128, 1), "16-bit")
    assert fit_checkpoint(tiny, weights, wide, Load(128, 1), "16-bit") == replace(narrow, room=wide)
    packed = fit_checkpoint(tiny, weights, wide, Load(128, 1), "int8")
    assert packed.weight_bytes == weights.linear + 4 * (weights.numbers - weights.linear)
    assert packed.kv_bytes == 2 * (narrow.kv_bytes or 0)


@pytest.mark.parametrize(
    ("load", "form", "kv", "says"),
    [
        (Load(0, 1), "as-served", "auto", "are no load"),
        (Load(1, 0), "as-served", "auto", "are no load"),
        (Load(4096, 1), "as-served", "auto", "the context is 4,096 tokens, but tiny was made for 2,048"),
        (Load(1, 1), "int3", "auto", "give as-served, fp32"),
        (Load(1, 1), "int4", "auto", "only as-served is known"),
    ],
)
def test_bad_input(tiny: Checkpoint, load: Load, form: str, kv: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        fit_checkpoint(tiny, None, RAM, load, form, kv)


def test_what_is_quantized_already_stays_so(tmp_path: Path) -> None:
    config = LLAMA | {"quantization_config": {"quant_method": "awq", "bits": 4}}
    packed = read_checkpoint(checkpoint_folder(tmp_path / "packed", config))
    assert packed.quantized_bits == 4
    with pytest.raises(InputError, match="packed is quantized already"):
        fit_checkpoint(packed, None, RAM, Load(1, 1), "int8")


def test_what_no_engine_here_would_serve(tmp_path: Path) -> None:
    old, new = (Hardware("cpu", 2, GIB, cpu_features=found) for found in (("avx2",), ("avx2", "avx512f")))
    served = read_checkpoint(checkpoint_folder(tmp_path / "tiny"))
    assert refusals(served, "int4", "fp8", new) == refusals(served, "int8", "auto", old) == []
    int4, fp8 = refusals(served, "int4", "fp8", old)
    packed = replace(served, config={**LLAMA, "quantization_config": {"quant_method": "awq", "bits": 4}})
    assert refusals(packed, AS_SERVED, "auto", new) == []
    (reason,) = refusals(packed, AS_SERVED, "auto", old)
    assert "the weights of tiny have 4 bits" in reason
    assert "4-bit weights on processors with AVX-512 only" in int4
    assert "FP8 KV cache" in fp8
