"""Looking at a checkpoint folder: every way it can be no model, and what its config says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.engine.checkpoint import Checkpoint, read_checkpoint
from optimizers.errors import InputError
from tests.building import LLAMA, checkpoint_folder

QWEN = LLAMA | {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 128}
GPT2 = {"model_type": "gpt2", "n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024}
GEMMA3 = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "text_config": {
        "num_hidden_layers": 3,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "hidden_size": 64,
        "head_dim": 256,
        "max_position_embeddings": 8192,
    },
}


def checkpoint(tmp_path: Path, config: dict[str, Any]) -> Checkpoint:
    return read_checkpoint(checkpoint_folder(tmp_path / "m", config))


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_checkpoint(folder)
    message = str(caught.value)
    assert str(folder) in message
    assert "\n" not in message
    return message


def test_a_whole_folder_is_read(model: Path) -> None:
    found = read_checkpoint(model)
    assert (found.name, found.folder, found.weight_bytes) == ("tiny-model", model, 64)
    assert (found.architecture, found.max_length, found.quantization) == ("LlamaForCausalLM", 2048, None)
    assert read_checkpoint(model, "other").name == "other"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "there is no such folder; check the path" in refusal(tmp_path / "nothing")


def test_a_file_in_place_of_a_folder(model: Path) -> None:
    assert "is a file; name the folder that holds config.json" in refusal(model / "config.json")


def test_a_folder_without_config(tmp_path: Path) -> None:
    assert "is no model folder: it has no config.json" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"architectures": ["Lla', "config.json cannot be read"),
        (b"\xff\xfe", "config.json cannot be read"),
        (b"[]", "names no architecture"),
        (b"{}", "names no architecture"),
        (b'{"architectures": []}', "names no architecture"),
    ],
)
def test_a_config_that_says_nothing(model: Path, content: bytes, says: str) -> None:
    (model / "config.json").write_bytes(content)
    assert says in refusal(model)


def test_a_folder_without_weights(model: Path) -> None:
    (model / "model.safetensors").unlink()
    (model / "weights.bin").mkdir()
    assert "no weights" in refusal(model)


def test_a_folder_without_tokenizer(model: Path) -> None:
    (model / "tokenizer.json").unlink()
    assert "no tokenizer" in refusal(model)


def test_a_drafting_head_needs_no_tokenizer_of_its_own(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"architectures": ["LlamaForCausalLMEagle3"]}))
    (model / "tokenizer.json").unlink()
    assert read_checkpoint(model).architecture == "LlamaForCausalLMEagle3"


@pytest.mark.parametrize("name", ["chat_template.jinja", "chat_template.json"])
def test_a_chat_template_in_a_file_of_its_own(tmp_path: Path, name: str) -> None:
    folder = checkpoint_folder(tmp_path / "m", chat_template=False)
    assert not read_checkpoint(folder).has_chat_template
    (folder / name).write_text("{}")
    assert read_checkpoint(folder).has_chat_template


@pytest.mark.parametrize(
    ("config", "has"),
    [
        ({"chat_template": "{{ messages }}"}, True),
        ({"chat_template": [{"name": "default", "template": "x"}]}, True),
        ({"chat_template": None}, False),
        ({}, False),
        ([], False),
    ],
)
def test_a_chat_template_in_the_tokenizers_config(tmp_path: Path, config: Any, has: bool) -> None:
    folder = checkpoint_folder(tmp_path / "m", chat_template=False)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert read_checkpoint(folder).has_chat_template is has


def test_a_broken_tokenizer_config_is_named(tmp_path: Path) -> None:
    folder = checkpoint_folder(tmp_path / "m", chat_template=False)
    (folder / "tokenizer_config.json").write_text("{")
    assert "tokenizer_config.json cannot be read" in refusal(folder)


@pytest.mark.parametrize(
    ("config", "bytes_per_token"),
    [
        (LLAMA, 2 * 2 * 2 * 16 * 2),  # grouped queries: two of four heads have keys and values
        (LLAMA | {"num_key_value_heads": None}, 2 * 2 * 4 * 16 * 2),
        (QWEN, 2 * 2 * 2 * 128 * 2),  # a head size that is not hidden / heads
        (GPT2, 2 * 12 * 12 * 64 * 2),
        (GEMMA3, 2 * 3 * 4 * 256 * 2),
        ({"model_type": "mamba", "hidden_size": 64}, None),
        (LLAMA | {"num_key_value_heads": [1, 2]}, None),
    ],
)
def test_kv_cache_per_token(tmp_path: Path, config: dict[str, Any], bytes_per_token: int | None) -> None:
    assert checkpoint(tmp_path, config).kv_bytes_per_token == bytes_per_token


@pytest.mark.parametrize(
    ("config", "length"), [(LLAMA, 2048), (GPT2, 1024), (GEMMA3, 8192), ({"model_type": "mamba"}, None)]
)
def test_context_length(tmp_path: Path, config: dict[str, Any], length: int | None) -> None:
    assert checkpoint(tmp_path, config).max_length == length


def test_architecture_and_quantization(tmp_path: Path) -> None:
    found = checkpoint(tmp_path, {"model_type": "gpt2", "quantization_config": {"quant_method": "awq"}})
    assert (found.architecture, found.quantization) == ("gpt2", "awq")


def test_the_fingerprint_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    first, second = (checkpoint_folder(tmp_path / name) for name in ("a", "b"))
    assert read_checkpoint(first).fingerprint == read_checkpoint(second).fingerprint
    (second / "model.safetensors").write_bytes(b"\0" * 63 + b"\1")
    assert read_checkpoint(first).fingerprint != read_checkpoint(second).fingerprint
    (second / "model.safetensors").write_bytes(b"\0" * 65)
    assert read_checkpoint(first).fingerprint != read_checkpoint(second).fingerprint


def test_the_fingerprint_sees_both_ends_of_large_weights(tmp_path: Path) -> None:
    folder = checkpoint_folder(tmp_path / "m")
    seen = set()
    for at in (0, 4 * 2**20 - 1):
        weights = bytearray(4 * 2**20)
        weights[at] = 1
        (folder / "model.safetensors").write_bytes(weights)
        seen.add(read_checkpoint(folder).fingerprint)
    assert len(seen) == 2
