"""What the hardware can do at most: floating-point operations and bytes a second.

GPUs are looked up in peaks.toml, one GPU at a time, and one that is not there has no peaks. A processor is measured by
numpy in float32, once for each process, so that an engine that multiplies in bfloat16 can pass its peak.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from app.engine.hardware import Hardware

TABLE = Path(__file__).with_name("peaks.toml")
SIDE = 1024
COPIED = 1 << 27
TRIES = 4


@dataclass(frozen=True)
class Peaks:
    """`source` says where they come from, and for a table as of when."""

    flops_per_s: float
    bytes_per_s: float
    source: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def peaks_of(hardware: Hardware) -> Peaks | None:
    """None for a GPU that is not in the table."""
    return _listed(hardware.gpus[0].name) if hardware.gpus else _measured()


def _listed(name: str) -> Peaks | None:
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    row = next((row for row in table["gpu"] if row["name"] == name), None)
    if row is None:
        return None
    source = f"{row['source']}, {table['as_of']}"
    return Peaks(row["dense_bf16_tflops"] * 1e12, row["memory_gb_per_s"] * 1e9, source)


@cache
def _measured() -> Peaks:
    left, into = np.ones((SIDE, SIDE), np.float32), np.empty((SIDE, SIDE), np.float32)
    source, copy = np.ones(COPIED, np.uint8), np.empty(COPIED, np.uint8)

    def seconds(do: Any, *given: Any) -> float:
        began = perf_counter()
        do(*given)
        return perf_counter() - began

    multiplying = min(seconds(np.matmul, left, left, into) for _ in range(TRIES))
    copying = min(seconds(np.copyto, copy, source) for _ in range(TRIES))
    return Peaks(2 * SIDE**3 / multiplying, 2 * COPIED / copying, "numpy on this processor, float32")
