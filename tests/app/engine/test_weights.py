"""What is read from a safetensors header, and what is told of files that have none."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.engine.weights import numbers_in, promised_bytes


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
    assert numbers_in(path) == 13
    path.write_bytes(path.read_bytes()[:-5])
    assert promised_bytes(path) == path.stat().st_size + 5


def test_a_file_without_tensors_is_its_header(tmp_path: Path) -> None:
    path = written(tmp_path / "w", {})
    assert (numbers_in(path), promised_bytes(path)) == (0, path.stat().st_size)


@pytest.mark.parametrize("read", [numbers_in, promised_bytes])
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
