"""Peaks: from the table for a GPU, measured for a processor, and none for what is not known."""

from __future__ import annotations

import sys

import pytest

from app.engine import peaks
from app.engine.hardware import Gpu, Hardware
from app.engine.peak_probe import LEAST_SIDE, MOST_SIDE, best, product_for
from app.engine.peaks import peaks_of


def machine(*gpus: str) -> Hardware:
    return Hardware("processor", 2, 2**33, tuple(Gpu(name, 2**36, "1") for name in gpus))


def test_a_gpu_is_looked_up_with_its_source() -> None:
    found = peaks_of(machine("NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3"))
    assert found is not None
    assert (found.flops_per_s, found.bytes_per_s) == (989e12, 3350e9)
    assert "nvidia.com" in found.source


def test_a_gpu_that_is_not_listed_has_no_peaks() -> None:
    assert peaks_of(machine("NVIDIA H100 PCIe")) is None


def test_a_processor_is_measured_in_the_engines_type_once() -> None:
    found = peaks_of(machine(), "float32")
    assert found is not None
    assert found.flops_per_s > 1e8
    assert found.bytes_per_s > 1e8
    assert found.source.endswith("float32")
    assert peaks_of(machine(), "float32") is found


def test_a_probe_that_fails_gives_no_peaks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert peaks_of(machine(), "no_such_type") is None
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    peaks._measured.cache_clear()
    assert peaks_of(machine(), "float16") is None
    peaks._measured.cache_clear()


def test_the_fastest_try_counts() -> None:
    calls: list[int] = []
    assert best(lambda: calls.append(1)) >= 0
    assert len(calls) > 1


def test_a_slow_processor_multiplies_small_matrices() -> None:
    for flops, side in ((1e8, LEAST_SIDE * 2), (1e12, MOST_SIDE)):

        def seconds(each: int, flops: float = flops) -> float:
            return 2 * each**3 / flops

        assert product_for(seconds) == (side, seconds(side))
    assert product_for(lambda side: 1.0) == (LEAST_SIDE, 1.0)
