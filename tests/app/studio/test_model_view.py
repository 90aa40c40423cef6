"""Checkpoints as they are tabulated, without an engine and without a hub."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from app.engine.checkpoint import read_checkpoint
from app.engine.hardware import Gpu, Hardware
from app.engine.memory_fit import GIB
from app.studio.model_view import (
    data_type,
    engine_state,
    engine_techniques,
    hardware_facts,
    is_hub_id,
    log_tail,
    look_at,
    millions,
    model_row,
)
from optimizers.technique import Surroundings
from store.tables import EngineRow
from tests.building import LLAMA, checkpoint_folder


def with_weights(folder: Path, shapes: dict[str, list[int]]) -> Path:
    tensors = {name: {"dtype": "BF16", "shape": shape} for name, shape in shapes.items()}
    header = json.dumps(tensors | {"__metadata__": {}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return folder


def test_parameters_are_counted_from_the_header(tmp_path: Path) -> None:
    folder = with_weights(checkpoint_folder(tmp_path / "m"), {"a": [1000, 2000], "b": [500]})
    (found,) = look_at([("m", str(folder))])
    assert found.parameters == 2_000_500
    row = model_row(found)
    assert (row["Parameters"], row["Data type"], row["From"]) == ("2.0 M", "BF16", "folder")
    assert millions(7_000_000_000) == "7.0 B"


def test_weights_that_cannot_be_counted_are_an_en_dash(tmp_path: Path) -> None:
    quantized = LLAMA | {"quantization_config": {"quant_method": "awq"}}
    packed = with_weights(checkpoint_folder(tmp_path / "packed", quantized), {"up_proj.qweight": [10, 2]})
    garbage = checkpoint_folder(tmp_path / "garbage")
    (garbage / "model.safetensors").write_bytes(b"\xff" * 64)
    for folder in (packed, garbage):
        (found,) = look_at([("m", str(folder))])
        assert model_row(found)["Parameters"] == "–"
    assert read_checkpoint(packed).quantization == "awq"


def test_quantized_weights_say_how_and_in_how_many_bits(tmp_path: Path) -> None:
    quantized = LLAMA | {"quantization_config": {"quant_method": "awq", "bits": 4}}
    folder = with_weights(checkpoint_folder(tmp_path / "packed", quantized), {"up_proj.qweight": [10, 2]})
    (folder / "rung.json").write_text("{}")
    (found,) = look_at([("m", str(folder))])
    assert (data_type(found), found.source, found.parameters) == ("awq, 4 bits", "made here", 80)


def test_a_shared_page_names_no_folder(tmp_path: Path) -> None:
    (found,) = look_at([("gone", str(tmp_path / "gone"))])
    assert str(tmp_path) in model_row(found)["State"]
    assert str(tmp_path) not in model_row(found, shared=True)["State"]
    assert "there is no such folder" in model_row(found, shared=True)["State"]


def test_what_a_person_types_is_a_hub_id_or_a_folder(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent.parent)
    assert is_hub_id(" maker/tiny ")
    assert not is_hub_id(str(model))
    assert not is_hub_id(f"{model.parent.name}/{model.name}")
    assert not is_hub_id("tiny")


def test_a_model_that_has_gone_keeps_its_place_and_says_why(tmp_path: Path) -> None:
    (found,) = look_at([("gone", str(tmp_path / "gone"))])
    row = model_row(found)
    assert "there is no such folder" in row["State"]
    assert row["Weights"] == "–"


def test_a_hub_model_that_is_not_here_is_not_downloaded() -> None:
    (found,) = look_at([("far", "no-such-organisation/no-such-model")])
    assert found.problem is not None
    assert "no longer in the hub's cache" in found.problem


def test_only_techniques_that_change_the_launch_are_offered_for_an_engine() -> None:
    keys = [technique.key for technique in engine_techniques(Surroundings("cpu"))]
    assert keys == ["prefix_caching", "speculative_decoding"]
    assert engine_techniques(Surroundings("cpu", launches_engine=False)) == []


def test_an_engines_state_is_what_it_is() -> None:
    def row(status: str, stop: bool = False) -> EngineRow:
        return EngineRow(status=status, stop_requested=stop)

    assert engine_state(None, True) == "stopped"
    assert engine_state(row("ready"), True) == "ready"
    assert engine_state(row("ready", stop=True), True) == "stopping"
    assert engine_state(row("ready"), False) == "interrupted"
    assert engine_state(row("requested"), False) == "requested"


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert log_tail(None) == ""
    assert log_tail(EngineRow(log_path=str(tmp_path / "none.log"))) == ""


def test_hardware_with_and_without_a_gpu() -> None:
    assert dict(hardware_facts(Hardware("cpu", 2, 8 * GIB)))["Engines run on"].startswith("CPU")
    facts = hardware_facts(Hardware("cpu", 2, 8 * GIB, (Gpu("Big GPU", 80 * GIB, "570.1"),)))
    assert ("GPU", "Big GPU, 80 GiB, driver 570.1") in facts
