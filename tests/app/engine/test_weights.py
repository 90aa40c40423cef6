"""What is read from a safetensors header, and what is told of files that have none."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.engine.weights import missing_shards, promised_bytes, read_weights


def written(path: Path, header: Any, data: int = 0) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * data)
    return path


def test_a_whole_file_is_as_long_as_it_promises(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "BF16", "shape": [3, 4], "data_offsets": [0, 24]},
        "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
    }
    path = written(tmp_path / "w", header, data=26)
    assert promised_bytes(path) == path.stat().st_size
    path.write_bytes(path.read_bytes()[:-5])
    assert promised_bytes(path) == path.stat().st_size + 5


def test_a_file_without_tensors_is_its_header(tmp_path: Path) -> None:
    path = written(tmp_path / "w", {})
    assert promised_bytes(path) == path.stat().st_size


def tensor(kind: str, *shape: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": list(shape)}


def test_tensors_are_counted_over_all_files(tmp_path: Path) -> None:
    written(tmp_path / "a.safetensors", {"model.embed_tokens.weight": tensor("BF16", 10, 4), "__metadata__": {}})
    written(
        tmp_path / "b.safetensors",
        {"model.layers.0.self_attn.q_proj.weight": tensor("F32", 4, 4), "model.norm.weight": tensor("F32", 4)},
    )
    weights = read_weights(tmp_path)
    assert weights is not None
    assert list(weights.bytes_by_type.items()) == [("BF16", 80), ("F32", 80)]
    assert (weights.numbers, weights.linear, weights.full, weights.other_bytes) == (60, 16, 60, 0)


@pytest.mark.parametrize(
    "names",
    [("qweight", "qzeros", "scales"), ("weight_packed", "weight_zero_point", "weight_scale")],
)
def test_packed_weights_are_counted_unpacked(tmp_path: Path, names: tuple[str, ...]) -> None:
    packed, zeros, scales = (f"model.layers.0.mlp.up_proj.{name}" for name in names)
    written(
        tmp_path / "m.safetensors",
        {packed: tensor("I32", 64, 16), zeros: tensor("I32", 1, 16), scales: tensor("F16", 1, 128)},
    )
    weights = read_weights(tmp_path, packed_bits=4)
    assert weights is not None
    assert (weights.numbers, weights.linear) == (64 * 128, 64 * 128)
    assert (weights.full, weights.other_bytes) == (128, 4 * (64 * 16 + 16))
    assert read_weights(tmp_path) is None


def test_other_files_and_other_forms(tmp_path: Path) -> None:
    assert read_weights(tmp_path) is None
    written(tmp_path / "m.safetensors", {"a": tensor("X9", 3)})
    with pytest.raises(ValueError, match="not known here"):
        read_weights(tmp_path)


def test_an_index_tells_what_is_missing(tmp_path: Path) -> None:
    assert missing_shards(tmp_path) == []
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    written(tmp_path / "one.safetensors", {})
    assert missing_shards(tmp_path) == ["two.safetensors"]


@pytest.mark.parametrize("read", [promised_bytes])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"version https://git-lfs.github.com/spec/v1\n",
        struct.pack("<Q", 5) + b"[1,2]",
        struct.pack("<Q", 4) + b'{"a"',
        struct.pack("<Q", 7) + b'{"a":1}',
        struct.pack("<Q", 8) + b'{"a":{}}',
        struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc",
    ],
)
def test_what_is_no_safetensors_file(tmp_path: Path, read: Callable[[Path], int], content: bytes) -> None:
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(ValueError):
        read(tmp_path / "w")
