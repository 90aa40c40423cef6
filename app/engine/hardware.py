"""What this machine is: processor, memory, GPUs. Read only; chooses nothing."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from app.engine.memory_fit import GIB, Room
from optimizers.technique import Surroundings


@dataclass(frozen=True)
class Gpu:
    name: str
    memory_bytes: int
    driver: str


@dataclass(frozen=True)
class Hardware:
    """`cores` are those this process may use; memory in bytes."""

    cpu: str
    cores: int
    memory_bytes: int
    gpus: tuple[Gpu, ...] = ()
    cpu_features: tuple[str, ...] = ()

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        return "cuda" if self.gpus else "cpu"

    def surroundings(self, model_config: Mapping[str, Any] | None = None) -> Surroundings:
        """What techniques may ask about an engine that is launched here."""
        return Surroundings(self.device, True, model_config or {}, self.cpu_features)

    @property
    def computes_in_32_bits(self) -> bool:
        """Whether numbers of 16 bits cost more here than those of 32."""
        return self.surroundings().computes_in_32_bits

    @property
    def title(self) -> str:
        if self.gpus:
            return f"{len(self.gpus)} x {self.gpus[0].name}"
        return f"{self.cpu}, {self.cores} cores, {self.memory_bytes / GIB:.0f} GiB"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def detect_hardware() -> Hardware:
    return Hardware(
        cpu=_cpu_name(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        gpus=_gpus(),
        cpu_features=_cpu_features(),
    )


def usable_cores() -> int:
    """Those that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> Room:
    """What an engine that is started now may have: the first GPU's memory, or the machine's."""
    import pynvml

    try:
        pynvml.nvmlInit()
        try:
            memory = pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(0))
            return Room("cuda", int(memory.total), int(memory.free))
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        memory = psutil.virtual_memory()
        return Room("cpu", memory.total, memory.available, detect_hardware().computes_in_32_bits)


def _cpu_name() -> str:
    """Its model name; where a virtual machine hides the number, the family and model that tell generations apart."""
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in _cpuinfo())}
    name = facts.get("model name") or platform.processor() or platform.machine()
    if re.search(r"\d", name) or not {"cpu family", "model"} <= facts.keys():
        return name
    return f"{name} (family {facts['cpu family']}, model {facts['model']})"


def _cpu_features() -> tuple[str, ...]:
    """Those that change how fast an engine's kernels are."""
    wanted = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8", "asimd", "bf16", "i8mm")
    for line in _cpuinfo():
        if line.startswith(("flags", "Features")):
            present = set(line.partition(":")[2].split())
            return tuple(name for name in wanted if name in present)
    return ()


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _gpus() -> tuple[Gpu, ...]:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        driver = pynvml.nvmlSystemGetDriverVersion()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return tuple(
            Gpu(pynvml.nvmlDeviceGetName(handle), pynvml.nvmlDeviceGetMemoryInfo(handle).total, driver)
            for handle in handles
        )
    finally:
        pynvml.nvmlShutdown()
