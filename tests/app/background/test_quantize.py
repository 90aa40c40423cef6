"""The job that quantizes: its progress, its turn, its result as a model, and what is refused at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.background import machine
from app.background.machine import take_machine
from app.background.quantize import start_quantizing, work
from app.background.run import Report
from app.preparation.job import PreparationError
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store
from tests.app.preparation.conftest import quantizer
from tests.app.serving import until
from tests.building import LLAMA, checkpoint_folder
from tests.fakes.quantizer import use_fake_text

__all__ = ["quantizer"]

FITTING = {**LLAMA, "hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 4, "num_key_value_heads": 4}
TECHNIQUE = {"method": "awq", "group_size": "64"}


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    use_fake_text(monkeypatch)
    monkeypatch.setattr(machine, "POLL_S", 0.01)
    folder = checkpoint_folder(tmp_path / "fitting", FITTING)
    return {"model": str(folder), "technique": TECHNIQUE, "name": "small"}


def state(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "state.json").read_text())
    return found


async def test_its_result_is_a_model(
    store: Store, settings: Settings, tmp_path: Path, spec: dict[str, Any], quantizer: Callable[[str], None]
) -> None:
    quantizer("good")
    found = await work(spec, settings, Report(tmp_path))
    assert found["name"] == "small"
    assert found["fresh"]
    assert found["said"].startswith("weights 0.0 to 0.0 MiB (4.0x smaller)")
    saved = store.models.find("small")
    assert saved is not None
    assert Path(saved.location).parent == settings.quantized_models


async def test_it_waits_while_an_experiment_has_the_machine(
    store: Store, settings: Settings, tmp_path: Path, spec: dict[str, Any], quantizer: Callable[[str], None]
) -> None:
    quantizer("good")
    lock = take_machine(settings)
    assert lock is not None
    making = asyncio.create_task(work(spec, settings, Report(tmp_path)))
    await until((tmp_path / "state.json").exists, "it says that it waits")
    assert state(tmp_path) == {"status": "waiting", "what": "waiting for what has the machine now"}
    lock.release()
    await making
    assert (state(tmp_path)["what"], state(tmp_path)["total"]) != ("", 0)


async def test_cancelled_it_leaves_nothing(
    store: Store, settings: Settings, tmp_path: Path, spec: dict[str, Any], quantizer: Callable[[str], None]
) -> None:
    quantizer("slow")
    making = asyncio.create_task(work(spec, settings, Report(tmp_path)))
    await until(lambda: any(settings.quantized_models.glob("*.partial/model/half")), "it is at work")
    await until(lambda: state(tmp_path)["what"].startswith("layer "), "it says how far it is")
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert not [path for path in settings.quantized_models.iterdir() if path.is_dir()]
    assert store.models.all() == []
    lock = take_machine(settings)
    assert lock is not None
    lock.release()


async def test_a_job_that_breaks_says_why(
    store: Store, settings: Settings, tmp_path: Path, spec: dict[str, Any], quantizer: Callable[[str], None]
) -> None:
    quantizer("fails")
    with pytest.raises(PreparationError, match="the layer has no weights"):
        await work(spec, settings, Report(tmp_path))
    assert store.models.all() == []


@pytest.mark.parametrize(
    ("technique", "name", "says"),
    [
        (TECHNIQUE, "starter", "is a built-in model's"),
        (TECHNIQUE, "taken", "exists at another place"),
        ({"method": "awq", "group_size": "48"}, "x", "group_size"),
        ({"method": "checkpoint", "checkpoint": "MODEL"}, "x", "quantized"),
    ],
)
def test_what_is_refused_before_anything_starts(
    store: Store, settings: Settings, spec: dict[str, Any], technique: dict[str, Any], name: str, says: str
) -> None:
    store.models.add("taken", "/elsewhere")
    given = {key: spec["model"] if value == "MODEL" else value for key, value in technique.items()}
    with pytest.raises(InputError, match=says):
        start_quantizing(store, settings, spec["model"], given, name)
    assert not (settings.home / "jobs").exists()
