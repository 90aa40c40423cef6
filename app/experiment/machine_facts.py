"""What is kept of the machine and the model with each stretch of a run, for its energy and its share of the peaks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from app.analysis.environment import flag_value
from app.analysis.roofline import shape_of
from app.engine.checkpoint import read_checkpoint
from app.engine.energy import EnergyMeter, open_meter
from app.engine.hardware import detect_hardware
from app.engine.memory_fit import AS_SERVED, kv_number_bytes, weight_bytes
from app.engine.peaks import DTYPES, peaks_of
from app.engine.plan import FULL_WIDTH
from optimizers.errors import InputError


def meter_for(engine_pid: int | None) -> EnergyMeter | None:
    """None for an engine elsewhere: this machine's counters say nothing of it."""
    return None if engine_pid is None else open_meter(detect_hardware().device)


def machine_facts(checkpoint: Path | None, manifest: Mapping[str, Any], meter: EnergyMeter | None) -> dict[str, Any]:
    """Without a peak for an engine elsewhere, or one spread over several GPUs: the table is of one."""
    energy = None if meter is None else meter.energy()
    facts: dict[str, Any] = {"energy": None if energy is None else asdict(energy)}
    spread = any("parallel-size" in part or part in ("-tp", "-pp", "-dp") for part in _argv(manifest))
    if checkpoint is None or spread:
        return facts
    model = manifest.get("model") or {}
    hardware, config = detect_hardware(), _config(checkpoint)
    shape = shape_of(config)
    # A processor is measured for seconds, so only where there is something to hold against its peak.
    peaks = peaks_of(hardware, dtype_of(config, _argv(manifest))) if shape is not None or hardware.gpus else None
    is_wide = flag_value(_argv(manifest), "--dtype") in FULL_WIDTH
    if shape is not None:
        kept = flag_value(_argv(manifest), "--kv-cache-dtype") or "auto"
        number = kv_number_bytes(is_wide, "fp8" if kept.startswith("fp8") else kept)
        shape = replace(shape, kv_bytes=shape.kv_bytes * number / kv_number_bytes(False, "auto"))
    return facts | {
        "peaks": None if peaks is None else peaks.to_json(),
        "shape": None if shape is None else shape.to_json(),
        "weight_bytes": _held_bytes(checkpoint, is_wide) or (model.get("served") or model).get("weight_bytes"),
    }


def _held_bytes(folder: Path, is_wide: bool) -> int | None:
    """What the weights take in the engine's memory; None where the files do not tell."""
    try:
        weights = read_checkpoint(folder).read_weights()
    except InputError:
        return None
    return None if weights is None else weight_bytes(weights, AS_SERVED, is_wide)


def dtype_of(config: Mapping[str, Any], argv: Sequence[str]) -> str:
    """What the engine computes in: what its command says, else the checkpoint's type, where 32 bits become bfloat16."""
    asked = flag_value(argv, "--dtype") or "auto"
    asked = {"half": "float16", "float": "float32"}.get(asked, asked)
    own = config.get("dtype") or config.get("torch_dtype")
    return asked if asked in DTYPES else "float16" if own == "float16" else "bfloat16"


def _argv(manifest: Mapping[str, Any]) -> list[str]:
    found: list[str] = (manifest.get("engine") or {}).get("argv") or []
    return found


def _config(checkpoint: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, Mapping) else {}
