"""How much energy this machine drew, from counters that only grow: NVML's for GPUs, RAPL's for processors.

The counters are the hardware's own and cover all of it, other programs included. Where none can be read there is no
figure: RAPL is often readable by the administrator only. Does not estimate power from load.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

POWERCAP = Path("/sys/class/powercap")
PACKAGE = re.compile(r"^intel-rapl:\d+$")
"""A whole processor; deeper names are parts of it. AMD's processors have the same names."""


@dataclass(frozen=True)
class Energy:
    """`joules` drawn in `seconds`; `source` names the counters."""

    joules: float
    seconds: float
    source: str


class EnergyMeter:
    """Begins when it is made. `update` has to be called at least as often as a counter can run over: RAPL's do so
    within minutes under full load."""

    def __init__(self, read: Callable[[], Mapping[str, float]], limits: Mapping[str, float], source: str) -> None:
        """`read` gives each counter's joules, `limits` where a counter starts again from 0."""
        self._read, self._limits, self._source = read, limits, source
        self._began = self._updated = monotonic()
        self._last: Mapping[str, float] | None = self._reading()
        self._joules = 0.0

    def update(self) -> None:
        """A counter that cannot be read any more ends the measurement: part of the energy is no figure."""
        now = self._reading()
        if now is None or self._last is None or now.keys() != self._last.keys():
            self._last = None
            return
        for name, value in now.items():
            grown = value - self._last[name]
            self._joules += grown if grown >= 0 else grown + self._limits.get(name, 0.0)
        self._last, self._updated = now, monotonic()

    def energy(self) -> Energy | None:
        """Up to the last update; None where a counter could not be read."""
        if self._last is None:
            return None
        return Energy(self._joules, self._updated - self._began, self._source)

    def _reading(self) -> Mapping[str, float] | None:
        try:
            return self._read() or None
        except (OSError, ValueError):
            return None


def open_meter(device: Literal["cpu", "cuda"], powercap: Path = POWERCAP) -> EnergyMeter:
    """Of the GPUs where engines run on them, else of the processors."""
    return _gpu_meter() if device == "cuda" else _processor_meter(powercap)


def _processor_meter(powercap: Path) -> EnergyMeter:
    zones = sorted(path for path in powercap.glob("intel-rapl:*") if PACKAGE.match(path.name))
    limits: dict[str, float] = {}
    for zone in zones:
        try:
            limits[zone.name] = _microjoules(zone / "max_energy_range_uj")
        except (OSError, ValueError):
            continue
    return EnergyMeter(
        lambda: {zone.name: _microjoules(zone / "energy_uj") for zone in zones}, limits, "RAPL, whole processors"
    )


def _microjoules(path: Path) -> float:
    return int(path.read_text()) / 1e6


def _gpu_meter() -> EnergyMeter:
    return EnergyMeter(_gpu_joules, {}, "NVML, all GPUs")


def _gpu_joules() -> dict[str, float]:
    """Since the driver was loaded; empty for GPUs that have no such counter (before Volta)."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return {}
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(at) for at in range(pynvml.nvmlDeviceGetCount())]
        return {str(at): pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3 for at, handle in enumerate(handles)}
    except pynvml.NVMLError:
        return {}
    finally:
        pynvml.nvmlShutdown()
