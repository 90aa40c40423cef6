"""Energy from counters that only grow: summed, run over, unreadable."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.engine.energy import EnergyMeter, open_meter


def zone(folder: Path, name: str, microjoules: int, limit: int = 10_000_000) -> Path:
    made = folder / name
    made.mkdir(parents=True, exist_ok=True)
    (made / "energy_uj").write_text(f"{microjoules}\n")
    (made / "max_energy_range_uj").write_text(f"{limit}\n")
    return made


def test_whole_processors_are_summed_and_their_parts_are_not(tmp_path: Path) -> None:
    for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"):
        zone(tmp_path, name, 1_000_000)
    meter = open_meter("cpu", tmp_path)
    for name, now in (("intel-rapl:0", 3_000_000), ("intel-rapl:1", 1_500_000), ("intel-rapl:0:0", 9_000_000)):
        zone(tmp_path, name, now)
    meter.update()
    found = meter.energy()
    assert found is not None
    assert found.joules == pytest.approx(2.5)
    assert found.seconds > 0
    assert found.source.startswith("RAPL")


def test_a_counter_that_runs_over_goes_on(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", 9_000_000)
    meter = open_meter("cpu", tmp_path)
    for now in (500_000, 9_500_000, 200_000):
        zone(tmp_path, "intel-rapl:0", now)
        meter.update()
    found = meter.energy()
    assert found is not None
    assert found.joules == pytest.approx(1.5 + 9.0 + 0.7)


def test_without_counters_there_is_no_energy(tmp_path: Path) -> None:
    assert open_meter("cpu", tmp_path / "absent").energy() is None


def test_a_counter_that_is_lost_half_way_leaves_no_figure(tmp_path: Path) -> None:
    made = zone(tmp_path, "intel-rapl:0", 1_000_000)
    meter = open_meter("cpu", tmp_path)
    (made / "energy_uj").unlink()
    meter.update()
    zone(tmp_path, "intel-rapl:0", 2_000_000)
    meter.update()
    assert meter.energy() is None


def test_a_counter_that_refuses_is_missing() -> None:
    def refuse() -> dict[str, float]:
        raise PermissionError("for the administrator")

    assert EnergyMeter(refuse, {}, "x").energy() is None
