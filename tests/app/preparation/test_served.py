"""What an engine serves for a recipe, from a fake quantizer through a fake engine to the evidence in the store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.preparation import served
from app.preparation.calibration import CalibrationText
from store.settings import Settings
from store.store import Store
from tests.app.experimenting import finished, queue, shorten_waits
from tests.building import LLAMA, checkpoint_folder

FITTING = {**LLAMA, "hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 4, "num_key_value_heads": 4}
TEXT = CalibrationText("multi-turn", ((1, 2, 3),), ())


@pytest.fixture
def fitting(tmp_path: Path) -> Path:
    return checkpoint_folder(tmp_path / "fitting", FITTING)


@pytest.fixture(autouse=True)
def without_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_waits(monkeypatch)
    monkeypatch.setattr(served, "text_for", lambda *given: TEXT)


async def test_a_ladder_serves_the_quantized_checkpoint_under_the_models_name(
    store: Store,
    settings: Settings,
    fitting: Path,
    quantizer: Callable[[str], None],
    fake_vllm: Callable[..., None],
) -> None:
    quantizer("good")
    fake_vllm()
    row = await finished(store, settings, queue(store, fitting, ["quantization"], repeats=2))
    assert (row.status, row.error) == ("done", None)
    assert row.engine_starts == 2
    assert row.seconds["preparation"] > 0
    runs = store.runs.of_experiment(row.id)
    manifests: list[dict[str, Any]] = [run.manifest or {} for run in runs]
    assert {manifest["model"]["name"] for manifest in manifests} == {"fitting"}
    assert len({manifest["model"]["fingerprint"] for manifest in manifests}) == 1
    plain = [manifest for manifest in manifests if manifest["model"]["served"] is None]
    quantized = [manifest for manifest in manifests if manifest["model"]["served"]]
    assert (len(plain), len(quantized)) == (4, 2)
    assert quantized[0]["model"]["served"]["quantization"] == "awq"
    assert quantized[0]["model"]["served"]["fingerprint"] != quantized[0]["model"]["fingerprint"]
    assert str(settings.quantized_models) in " ".join(quantized[0]["engine"]["argv"])
    (evidence,) = (runs[-1].summary or {})["evidence"]
    assert evidence["technique"] == "quantization"
    assert evidence["figures"]["weight_bytes_after"] == 16
    segment = store.runs.segments(runs[-1].id)[0].observed or {}
    assert segment["checkpoint"]["weight_bytes_before"] == 64


async def test_a_checkpoint_that_cannot_be_made_fails_the_experiment_with_its_reason(
    store: Store,
    settings: Settings,
    fitting: Path,
    quantizer: Callable[[str], None],
    fake_vllm: Callable[..., None],
) -> None:
    quantizer("fails")
    fake_vllm()
    row = await finished(store, settings, queue(store, fitting, ["quantization"]))
    assert row.status == "failed"
    assert (row.error or "").startswith("the layer has no weights (ValueError)")
    assert row.engine_starts == 0


def test_what_a_checkpoint_says_of_itself_is_json(fitting: Path) -> None:
    from app.engine.checkpoint import read_checkpoint

    source = read_checkpoint(fitting)
    assert served.Served(source, source).to_json() is None
    json.dumps(served.Served(read_checkpoint(checkpoint_folder(fitting.parent / "o")), source).to_json())


async def test_a_cancelled_experiment_ends_its_job(
    store: Store,
    settings: Settings,
    fitting: Path,
    quantizer: Callable[[str], None],
    fake_vllm: Callable[..., None],
) -> None:
    quantizer("slow")
    fake_vllm()
    experiment = queue(store, fitting, ["quantization"])
    task = asyncio.create_task(finished(store, settings, experiment))
    while "layer 2 of 3" not in store.experiments.get(experiment).phase:  # noqa: ASYNC110 - another process works
        await asyncio.sleep(0.02)
    assert store.experiments.get(experiment).phase.startswith("Preparing the checkpoint: layer 2 of 3 (about ")
    store.experiments.request_cancel(experiment)
    row = await asyncio.wait_for(task, 30)
    assert row.status == "cancelled"
    assert not list(settings.quantized_models.glob("*.partial"))
    assert not [child for child in psutil.Process().children(recursive=True) if "fake_job" in " ".join(child.cmdline())]
