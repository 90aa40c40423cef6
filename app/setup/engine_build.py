"""Which build of vLLM fits this machine, and why. Reads nvidia-smi; installs nothing."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.setup.failure import SetupFailure

# What torch's CUDA 13 build runs on: Turing or newer, and the driver that came with CUDA 13.0.
MIN_COMPUTE = 7.5
MIN_DRIVER = 580

Key = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Gpu:
    name: str
    driver: str
    compute: float


@dataclass(frozen=True)
class Gpus:
    """What nvidia-smi said; `problem` when it said nothing usable."""

    found: tuple[Gpu, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class EngineBuild:
    key: Key
    why: str

    @property
    def title(self) -> str:
        return "CUDA build of vLLM" if self.key == "cuda" else "CPU build of vLLM"


def choose(gpus: Gpus, wanted: str = "auto") -> EngineBuild:
    """`wanted` is RUNG_ENGINE: cpu, cuda, or auto to go by the hardware."""
    if wanted == "cpu":
        return EngineBuild("cpu", "RUNG_ENGINE=cpu")
    if wanted == "cuda":
        return EngineBuild("cuda", "RUNG_ENGINE=cuda")
    if wanted not in ("", "auto"):
        raise SetupFailure(f"RUNG_ENGINE is {wanted!r}.", "Set it to cpu, cuda or auto.")
    if not gpus.found:
        return EngineBuild("cpu", f"no NVIDIA GPU: {gpus.problem}")
    gpu = max(gpus.found, key=lambda gpu: gpu.compute)
    if gpu.compute < MIN_COMPUTE:
        return EngineBuild(
            "cpu", f"{gpu.name} has compute capability {gpu.compute}, the CUDA build needs {MIN_COMPUTE}"
        )
    if _major(gpu.driver) < MIN_DRIVER:
        return EngineBuild(
            "cpu", f"the driver of {gpu.name} is {gpu.driver}, the CUDA build needs {MIN_DRIVER} or newer"
        )
    return EngineBuild("cuda", f"{gpu.name}, driver {gpu.driver}")


def _major(driver: str) -> int:
    head = driver.partition(".")[0]
    return int(head) if head.isdigit() else 0


def parse_gpus(listing: str) -> tuple[Gpu, ...]:
    """`listing` is nvidia-smi's CSV of name, driver_version, compute_cap."""
    gpus = []
    for line in listing.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) == 3:
            compute = float(fields[2]) if fields[2].replace(".", "", 1).isdigit() else 0.0
            gpus.append(Gpu(fields[0], fields[1], compute))
    return tuple(gpus)


def detect_gpus(
    command: Sequence[str] = (
        "nvidia-smi",
        "--query-gpu=name,driver_version,compute_cap",
        "--format=csv,noheader",
    ),
) -> Gpus:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return Gpus(problem="nvidia-smi is not installed")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Gpus(problem=f"nvidia-smi does not answer ({type(error).__name__})")
    found = parse_gpus(answer.stdout) if answer.returncode == 0 else ()
    if found:
        return Gpus(found)
    said = (answer.stdout + answer.stderr).strip().splitlines()
    return Gpus(problem=f"nvidia-smi says {said[0]!r}" if said else "nvidia-smi lists none")


def check_platform(system: str = platform.system(), machine: str = platform.machine()) -> None:
    if (system, machine) != ("Linux", "x86_64"):
        raise SetupFailure(
            f"The locked packages are for Linux on x86-64; this is {system} on {machine}.",
            "Run Rung on such a machine, in a container or in WSL 2.",
        )
