"""What the hardware can do at most: floating-point operations and bytes a second.

GPUs are looked up in peaks.toml, one GPU at a time, and one that is not there has no peaks. A processor is measured in
the type that the engine computes in, once for each process: between float32 and bfloat16 it can differ fivefold.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.engine.hardware import Hardware
from store.settings import ROOT

TABLE = Path(__file__).with_name("peaks.toml")
DTYPES = ("bfloat16", "float16", "float32")
PROBE_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Peaks:
    """`source` says where they come from, and for a table as of when."""

    flops_per_s: float
    bytes_per_s: float
    source: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def peaks_of(hardware: Hardware, dtype: str = "bfloat16") -> Peaks | None:
    """None for a GPU that is not in the table, and for a processor that cannot be measured in this type."""
    return _listed(hardware.gpus[0].name) if hardware.gpus else _measured(dtype)


def _listed(name: str) -> Peaks | None:
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    row = next((row for row in table["gpu"] if row["name"] == name), None)
    if row is None:
        return None
    source = f"{row['source']}, {table['as_of']}"
    return Peaks(row["dense_bf16_tflops"] * 1e12, row["memory_gb_per_s"] * 1e9, source)


@cache
def _measured(dtype: str) -> Peaks | None:
    command = [sys.executable, "-m", "app.engine.peak_probe", dtype]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PROBE_TIMEOUT_S, check=True)
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Peaks(found["flops_per_s"], found["bytes_per_s"], f"torch on this processor, {dtype}")
