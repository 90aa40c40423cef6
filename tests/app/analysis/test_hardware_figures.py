"""Energy and useful work of a run, by hand; what was not read is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.analysis.hardware_figures import Machine, hardware_figures
from app.analysis.roofline import ModelShape
from tests.building import record

SHAPE = ModelShape(body_weights=100, head_weights=10, attention_width=5, kv_bytes=8).to_json()
PEAKS = {"flops_per_s": 1000.0, "bytes_per_s": 500.0}
WHOLE = Machine(joules=30.0, watched_s=2.0, peaks=PEAKS, shape=SHAPE, weight_bytes=100.0)
ANSWERED = [record(at, prompt_tokens=3, cached_tokens=0, tokens=2) for at in range(2)]
DELTA = {"vllm:iteration_tokens_total_count": 4.0}


def test_energy_by_hand() -> None:
    found = hardware_figures(ANSWERED, None, WHOLE, 2.0)
    assert (found["power_w"], found["energy_j_per_request"]) == (15.0, 15.0)


def test_work_is_counted_from_the_models_shape() -> None:
    found = hardware_figures(ANSWERED, DELTA, WHOLE, 2.0)
    one = 2 * (100 * 4 + 10 * 2) + 4 * 5 * 10
    assert found["flops_percent"] == pytest.approx(100 * 2 * one / 2000)
    # Weights once for each of 4 steps, and four cached tokens read again for each request.
    assert found["bandwidth_percent"] == pytest.approx(100 * (400 + 2 * 8 * 4) / 1000)


def test_the_engines_own_estimate_comes_first() -> None:
    own = {
        **DELTA,
        "vllm:estimated_flops_per_gpu_total": 200.0,
        "vllm:estimated_read_bytes_per_gpu_total": 300.0,
        "vllm:estimated_write_bytes_per_gpu_total": 50.0,
    }
    found = hardware_figures(ANSWERED, own, WHOLE, 2.0)
    assert (found["flops_percent"], found["bandwidth_percent"]) == pytest.approx((10.0, 35.0))


@pytest.mark.parametrize(
    ("machine", "delta", "missing"),
    [
        (Machine(), DELTA, {"power_w", "energy_j_per_request", "flops_percent", "bandwidth_percent"}),
        (Machine(30.0, 2.0), DELTA, {"flops_percent", "bandwidth_percent"}),
        (replace(WHOLE, joules=None), {}, {"power_w", "energy_j_per_request", "bandwidth_percent"}),
    ],
)
def test_what_is_not_known_is_missing(machine: Machine, delta: dict[str, float], missing: set[str]) -> None:
    found = hardware_figures(ANSWERED, delta, machine, 2.0)
    assert {name for name, value in found.items() if value is None} == missing


def test_cached_tokens_that_nobody_accounts_for_leave_no_work() -> None:
    silent = [record(at, prompt_tokens=3, tokens=2) for at in range(2)]
    assert hardware_figures(silent, DELTA, WHOLE, 2.0)["flops_percent"] is not None
    cached = {**DELTA, "vllm:prompt_tokens_cached_total": 2.0}
    assert hardware_figures(silent, cached, WHOLE, 2.0)["flops_percent"] is None


class TestMerge:
    def part(self, joules: float | None) -> dict[str, Any]:
        energy = None if joules is None else {"joules": joules, "seconds": 1.0, "source": "x"}
        return {"machine": {"energy": energy, "peaks": PEAKS, "shape": SHAPE, "weight_bytes": 7}}

    def test_energies_add_up(self) -> None:
        assert Machine.merge([self.part(2.0), self.part(3.0)]) == Machine(5.0, 2.0, PEAKS, SHAPE, 7)

    def test_half_of_the_energy_is_none(self) -> None:
        assert Machine.merge([self.part(2.0), self.part(None)]).joules is None

    def test_a_run_that_was_cut_off_has_nothing(self) -> None:
        assert Machine.merge([None, self.part(2.0)]) == Machine()

    def test_runs_of_earlier_versions_have_nothing(self) -> None:
        assert Machine.merge([{"delta": {}}]) == Machine()
