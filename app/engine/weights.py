"""What the header of a safetensors file says about the file. Loads no weights and needs no package."""

from __future__ import annotations

import json
import struct
from math import prod
from pathlib import Path
from typing import Any

MAX_HEADER_BYTES = 100 * 2**20


def numbers_in(path: Path) -> int:
    """How many numbers its tensors hold. Raises ValueError when it is no safetensors file, OSError as reading does."""
    tensors, _ = _read_header(path)
    try:
        return sum(prod(tensor["shape"]) for tensor in tensors)
    except (KeyError, TypeError):
        raise ValueError(f"{path.name} has a header without shapes") from None


def promised_bytes(path: Path) -> int:
    """How long the header says that the file is. Raises as `numbers_in` does."""
    tensors, start = _read_header(path)
    try:
        return start + max((int(tensor["data_offsets"][1]) for tensor in tensors), default=0)
    except (KeyError, TypeError, IndexError):
        raise ValueError(f"{path.name} has a header without offsets") from None


def _read_header(path: Path) -> tuple[list[Any], int]:
    """The tensors' entries, and where in the file their data begin."""
    with path.open("rb") as stream:
        try:
            (length,) = struct.unpack("<Q", stream.read(8))
        except struct.error:
            raise ValueError(f"{path.name} is too short for a safetensors file") from None
        if length > MAX_HEADER_BYTES:
            raise ValueError(f"{path.name} is no safetensors file")
        header = json.loads(stream.read(length))
    if not isinstance(header, dict):
        raise ValueError(f"{path.name} is no safetensors file")
    return [entry for name, entry in header.items() if name != "__metadata__"], 8 + length
