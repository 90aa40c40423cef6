"""What is kept of machine and model: nothing is claimed of an engine elsewhere, or of one over several GPUs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.analysis.hardware_figures import Machine
from app.engine.checkpoint import Checkpoint
from app.engine.energy import EnergyMeter
from app.engine.peaks import Peaks
from app.engine.weights import Weights
from app.experiment import machine_facts as facts
from tests.building import LLAMA, checkpoint_folder

WHOLE: dict[str, Any] = {**LLAMA, "intermediate_size": 128, "vocab_size": 64}
PEAKS = Peaks(1e9, 1e8, "a table")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(facts, "peaks_of", lambda hardware, dtype: PEAKS)
    (tmp_path / "config.json").write_text(json.dumps(WHOLE))
    return tmp_path


def test_what_a_summary_needs(folder: Path) -> None:
    served = {"weight_bytes": 7}
    found = facts.machine_facts(folder, {"model": {"weight_bytes": 9, "served": served}}, None)
    merged = Machine.merge([{"machine": json.loads(json.dumps(found))}])
    assert merged.weight_bytes == 7
    assert merged.peaks["flops_per_s"] == 1e9
    assert merged.shape["attention_width"] == 2 * 64
    assert merged.joules is None


def test_energy_is_kept_with_its_source(folder: Path) -> None:
    readings = iter([{"a": 1.0}, {"a": 4.0}])
    meter = EnergyMeter(lambda: next(readings), {}, "counters")
    meter.update()
    found = facts.machine_facts(folder, {}, meter)["energy"]
    assert (found["joules"], found["source"]) == (3.0, "counters")


def test_nothing_is_said_of_an_engine_elsewhere() -> None:
    assert facts.meter_for(None) is None
    assert facts.machine_facts(None, {}, None) == {"energy": None}


def test_nothing_is_said_of_an_engine_over_several_gpus(folder: Path) -> None:
    for argv in (["--tensor-parallel-size", "2"], ["--data-parallel-size=2"], ["-tp", "2"]):
        assert facts.machine_facts(folder, {"engine": {"argv": argv}}, None) == {"energy": None}


@pytest.mark.parametrize(
    ("argv", "own", "dtype"),
    [
        (["--dtype", "auto"], "bfloat16", "bfloat16"),
        (["--dtype", "auto"], "float32", "bfloat16"),
        ([], "float16", "float16"),
        (["--dtype", "half"], "bfloat16", "float16"),
        (["--dtype", "float32"], "bfloat16", "float32"),
    ],
)
def test_the_type_that_the_engine_computes_in(argv: list[str], own: str, dtype: str) -> None:
    assert facts.dtype_of({"dtype": own}, argv) == dtype
    assert facts.dtype_of({"torch_dtype": own}, argv) == dtype


@pytest.mark.parametrize(
    ("argv", "weight", "number"),
    [
        (["--dtype", "auto"], 2, 2),
        (["--dtype", "float32"], 4, 4),
        (["--dtype", "float32", "--kv-cache-dtype", "fp8"], 4, 1),
        (["--dtype", "half", "--kv-cache-dtype", "auto"], 2, 2),
    ],
)
def test_weights_keys_and_values_count_as_wide_as_the_engine_holds_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], weight: int, number: int
) -> None:
    checkpoint_folder(folder / "whole", WHOLE)
    monkeypatch.setattr(Checkpoint, "read_weights", lambda self: Weights({}, 100, 80, 100, 0))
    manifest = {"engine": {"argv": argv}, "model": {"weight_bytes": 9}}
    found = facts.machine_facts(folder / "whole", manifest, None)
    assert found["weight_bytes"] == weight * 100
    assert found["shape"]["kv_bytes"] == number * 2 * 2 * 2 * 16
