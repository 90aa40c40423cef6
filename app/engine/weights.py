"""What the headers of safetensors files say: how long a file is, which tensors it holds, in which data types.

Loads no weights and needs no package.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

MAX_HEADER_BYTES = 100 * 2**20
INDEX = "model.safetensors.index.json"
PACKED = re.compile(r"(?:\.|^)(?:qweight|weight_packed)$")
"""Weights of a few bits, packed into larger integers by AutoAWQ, GPTQ and compressed-tensors."""
BESIDE_PACKED = re.compile(
    r"(?:scales?|qzeros|g_idx|zero_point|weight_shape|weight_scale_inv|absmax|quant_map|nested_absmax)$"
)
UNQUANTIZED = re.compile(r"embed|lm_head|wte|wpe|norm|router|\bgate\.weight$")
BITS: Mapping[str, int] = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4,
    "I64": 64, "U64": 64, "I32": 32, "U32": 32, "I16": 16, "U16": 16, "I8": 8, "U8": 8, "BOOL": 8,
}  # fmt: skip
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})


@dataclass(frozen=True)
class Weights:
    """The tensors of a checkpoint. `bytes_by_type` goes by the names of safetensors (BF16, I32), largest first.

    `numbers` are the model's parameters, those of packed tensors unpacked. `linear` of them stand in the layers that
    quantizers pack: embeddings, norms, routers and the output layer are not among them. `full` are the numbers kept in
    16 bits or more, which an engine casts to the data type that it works in; `other_bytes` is all else.
    """

    bytes_by_type: Mapping[str, int]
    numbers: int
    linear: int
    full: int
    other_bytes: int


def read_weights(folder: Path, packed_bits: int | None = None) -> Weights | None:
    """None where the weights are in other files. `packed_bits` is how many a packed weight has; without it a checkpoint
    with packed weights gives None as well. Raises OSError or ValueError for a file that cannot be read."""
    tensors = [tensor for path in sorted(folder.glob("*.safetensors")) for tensor in _named(path).items()]
    if not tensors:
        return None
    sizes: dict[str, int] = {}
    numbers = linear = full = other = 0
    try:
        for name, tensor in tensors:
            kind, count = str(tensor["dtype"]), prod(tensor["shape"])
            size = count * BITS[kind] // 8
            sizes[kind] = sizes.get(kind, 0) + size
            if kind in FLOATS:
                full += count
            else:
                other += size
            if BESIDE_PACKED.search(name):
                continue
            if PACKED.search(name):
                if packed_bits is None:
                    return None
                count = count * BITS[kind] // packed_bits
            numbers += count
            if len(tensor["shape"]) >= 2 and not UNQUANTIZED.search(name):
                linear += count
    except (KeyError, TypeError):
        raise ValueError(f"{folder.name} has weights in a form that is not known here") from None
    in_order = dict(sorted(sizes.items(), key=lambda item: -item[1]))
    return Weights(in_order, numbers, linear, full, other)


def missing_shards(folder: Path) -> list[str]:
    """Weight files that the folder's index names and that are not there; empty without an index."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        names = set(map(str, index["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return sorted(name for name in names if not (folder / name).is_file())


def promised_bytes(path: Path) -> int:
    """How long the header says that the file is. Raises ValueError when it is no safetensors file, OSError as reading
    does."""
    tensors, start = _read_header(path)
    try:
        return start + max((int(tensor["data_offsets"][1]) for tensor in tensors.values()), default=0)
    except (KeyError, TypeError, IndexError):
        raise ValueError(f"{path.name} has a header without offsets") from None


def _named(path: Path) -> dict[str, Any]:
    return _read_header(path)[0]


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The tensors' entries by name, and where in the file their data begin."""
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
    return {name: entry for name, entry in header.items() if name != "__metadata__"}, 8 + length
