"""`models quantize` as a person types it, and what is refused before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from store.settings import Settings
from tests.app.commands.conftest import Rung, check
from tests.app.preparation.conftest import quantizer
from tests.building import LLAMA, checkpoint_folder
from tests.fakes.quantizer import use_fake_text

__all__ = ["quantizer"]

FITTING = {**LLAMA, "hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 4, "num_key_value_heads": 4}


@pytest.fixture
def fitting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_fake_text(monkeypatch)
    return checkpoint_folder(tmp_path / "fitting", FITTING)


def test_it_is_made_saved_and_listed(rung: Rung, fitting: Path, quantizer: Callable[[str], None]) -> None:
    quantizer("good")
    said = rung("models", "quantize", "--model", fitting, "--group-size", 64)
    assert said.code == 0, said
    assert said.out.startswith("quantized fitting-awq: weights 0.0 to 0.0 MiB (4.0x smaller); ")
    assert "layer 2 of 3 (1 of 3)" in said.err
    again = rung("models", "quantize", "--model", fitting, "--group-size", 64, "--json").json
    assert (again["name"], again["fresh"]) == ("fitting-awq", False)
    listed = {each["name"]: each for each in rung("models", "list", "--json").json["models"]}
    assert listed["fitting-awq"]["quantization"] == "awq"
    assert "awq" in rung("models", "list").out


def test_a_job_that_breaks_is_told(rung: Rung, fitting: Path, quantizer: Callable[[str], None]) -> None:
    quantizer("fails")
    said = rung("models", "quantize", "--model", fitting)
    assert said.code == 3
    assert "rung: fitting was not quantized: the layer has no weights (ValueError)" in said.err
    assert not [each for each in rung("models", "list", "--json").json["models"] if each["name"] == "fitting-awq"]


def test_bad_input_is_refused_before_anything_starts(
    rung: Rung, fitting: Path, model: Path, settings: Settings
) -> None:
    given = ("models", "quantize", "--model")
    check(rung(*given, model), "the layer q_proj of tiny-model has 64 inputs", "quantization.group_size 128")
    check(rung(*given, fitting, "--calibration", "none-such"), "none-such")
    check(rung(*given, fitting, "--out", "starter"), "is a built-in model's")
    check(rung(*given, fitting, "--method", "gguf"), "invalid choice: 'gguf'")
    assert not settings.quantized_models.exists()


def test_a_ladder_refuses_the_model_before_it_is_queued(rung: Rung, model: Path) -> None:
    given = ("ladder", "--model", model, "--prompts", "support-desk", "--techniques", "quantization")
    check(
        rung(*given), "the layer q_proj of tiny-model has 64 inputs, no multiple of quantization.group_size 128", "set "
    )
