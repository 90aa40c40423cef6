"""What a run drew from the hardware: power, energy, and its useful work as a share of what the hardware could do. Pure.

vLLM's own estimate of work is taken where it shows one (`--enable-mfu-metrics`); else it is counted from the model's
shape, which needs no setting that would change what is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.analysis.roofline import ModelShape, Work, bytes_read, operations, work_of
from app.replay.record import RequestRecord

FLOPS = "vllm:estimated_flops_per_gpu_total"
BYTES = ("vllm:estimated_read_bytes_per_gpu_total", "vllm:estimated_write_bytes_per_gpu_total")
STEPS = "vllm:iteration_tokens_total_count"
CACHED = "vllm:prompt_tokens_cached_total"


@dataclass(frozen=True)
class Machine:
    """`joules` drawn in `watched_s`, None where no counter can be read. `peaks` has flops_per_s and bytes_per_s,
    `shape` the fields of ModelShape, `weight_bytes` what the weights take in the engine's memory; empty or None where
    not known."""

    joules: float | None = None
    watched_s: float = 0.0
    peaks: Mapping[str, Any] = field(default_factory=dict)
    shape: Mapping[str, float] = field(default_factory=dict)
    weight_bytes: float | None = None

    @staticmethod
    def merge(parts: Sequence[Mapping[str, Any] | None]) -> Machine:
        """From the segments of a run. Of one that was cut off nothing was read, so that nothing is known of the run."""
        if any(part is None for part in parts):
            return Machine()
        found: list[Mapping[str, Any]] = [(part or {}).get("machine") or {} for part in parts]
        energies = [each.get("energy") for each in found]
        known = [energy for energy in energies if energy]
        last: Mapping[str, Any] = next((each for each in reversed(found) if each), {})
        return Machine(
            joules=sum(energy["joules"] for energy in known) if known and len(known) == len(found) else None,
            watched_s=sum(energy["seconds"] for energy in known),
            peaks=last.get("peaks") or {},
            shape=last.get("shape") or {},
            weight_bytes=last.get("weight_bytes"),
        )


def hardware_figures(
    answered: Sequence[RequestRecord], delta: Mapping[str, float] | None, machine: Machine, seconds: float
) -> dict[str, float | None]:
    """power_w: mean. energy_j_per_request: of answered ones. flops_percent and bandwidth_percent: of one GPU's or the
    processor's peak, over the whole run of so many `seconds`."""
    work = _work(answered, delta or {})
    shape = ModelShape(**machine.shape) if machine.shape else None
    flops, moved = (delta or {}).get(FLOPS), sum((delta or {}).get(name, 0.0) for name in BYTES) or None
    if work is not None and shape is not None:
        flops = operations(shape, work) if flops is None else flops
        steps = (delta or {}).get(STEPS)
        if moved is None and steps and machine.weight_bytes:
            moved = bytes_read(shape, work, machine.weight_bytes, steps)
    watched = machine.joules is not None and machine.watched_s > 0
    return {
        "power_w": (machine.joules or 0.0) / machine.watched_s if watched else None,
        "energy_j_per_request": (machine.joules or 0.0) / len(answered) if watched and answered else None,
        "flops_percent": _percent(flops, machine.peaks.get("flops_per_s"), seconds),
        "bandwidth_percent": _percent(moved, machine.peaks.get("bytes_per_s"), seconds),
    }


def _work(answered: Sequence[RequestRecord], delta: Mapping[str, float]) -> Work | None:
    """None where a request's tokens are not known. vLLM leaves a request's cached tokens out where there are none; they
    are taken for 0 as long as the others account for what the engine says it served from the cache."""
    counts = [(r.prompt_tokens, r.cached_tokens, r.completion_tokens) for r in answered]
    if not counts or any(sent is None or written is None for sent, _, written in counts):
        return None
    told = sum(cached or 0 for _, cached, _ in counts)
    if any(cached is None for _, cached, _ in counts) and delta.get(CACHED, 0.0) > told:
        return None
    return work_of((sent or 0, cached or 0, written or 0) for sent, cached, written in counts)


def _percent(done: float | None, per_second: float | None, seconds: float) -> float | None:
    return 100 * done / (per_second * seconds) if done is not None and per_second and seconds else None
