"""Forgetting a model: only what people saved, never what is in use, and files only where Rung made them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.experiment.forgetting import forget, forgettable
from optimizers.errors import InputError
from store.experiments import PlannedRun
from store.settings import Settings
from store.store import Store

RUNS = [PlannedRun(0, 0, "Baseline", [], 1)]


@pytest.fixture
def made(store: Store, settings: Settings) -> Path:
    """A checkpoint that Rung made, saved as `small`."""
    folder = settings.quantized_models / "tiny-awq-1234"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"x" * 2048)
    store.models.add("small", str(folder))
    return folder


def test_the_files_of_other_people_stay(store: Store, settings: Settings, model: Path) -> None:
    store.models.add("mine", str(model))
    with pytest.raises(InputError, match="the files of mine were not made by Rung"):
        forget(store, settings, "mine", files=True)
    assert store.models.find("mine") is not None
    assert forget(store, settings, "mine").made_here is None
    assert store.models.find("mine") is None
    assert (model / "config.json").is_file()


def test_what_rung_made_goes_with_its_files_where_that_is_asked_for(
    store: Store, settings: Settings, made: Path
) -> None:
    found = forgettable(store, settings, "small")
    assert (found.made_here, found.bytes, found.experiments) == (made, 2048, 0)
    forget(store, settings, "small", files=True)
    assert store.models.find("small") is None
    assert not made.exists()


def test_files_that_have_another_name_too_stay(store: Store, settings: Settings, made: Path) -> None:
    store.models.add("again", str(made))
    with pytest.raises(InputError, match="or serve another name too"):
        forget(store, settings, "small", files=True)
    assert made.is_dir()


def test_files_stay_while_anything_might_use_them(store: Store, settings: Settings, made: Path) -> None:
    """A recipe that makes a checkpoint finds the one that is there by its content, whatever it is called."""
    number = store.experiments.enqueue("run", "t", {"model": "starter"}, RUNS)
    with pytest.raises(InputError, match="files are deleted while no experiment runs or waits"):
        forget(store, settings, "small", files=True)
    assert store.models.find("small") is not None
    store.experiments.request_cancel(number)
    forget(store, settings, "small", files=True)
    assert not made.exists()


def test_what_cannot_be_deleted_keeps_its_name(store: Store, settings: Settings, made: Path) -> None:
    moved = made.rename(made.with_name("elsewhere"))
    made.symlink_to(moved)
    with pytest.raises(InputError, match="the files of small cannot be deleted"):
        forget(store, settings, "small", files=True)
    assert store.models.find("small") is not None
    assert (moved / "model.safetensors").is_file()


def test_built_in_and_unknown_models_are_refused(store: Store, settings: Settings) -> None:
    with pytest.raises(InputError, match="starter comes with Rung and stays"):
        forget(store, settings, "starter")
    with pytest.raises(InputError, match="there is no saved model 'gone'; saved are: none"):
        forget(store, settings, "gone")


def test_a_model_in_use_is_kept(store: Store, settings: Settings, made: Path) -> None:
    number = store.experiments.enqueue("run", "t", {"model": "small"}, RUNS)
    with pytest.raises(InputError, match=f"experiment {number} runs with small or waits to; cancel it first"):
        forget(store, settings, "small")
    store.experiments.request_cancel(number)
    packed = {"technique": "quantization", "settings": {"method": "checkpoint", "checkpoint": "small"}}
    spec = {"model": "starter", "rungs": [{"label": "packed", "recipe": [packed]}]}
    other = store.experiments.enqueue("run", "t", spec, RUNS)
    with pytest.raises(InputError, match=f"experiment {other} runs with small or waits to"):
        forget(store, settings, "small", files=True)
    store.experiments.request_cancel(other)
    store.engines.request({"model": "small", "recipe": []})
    assert forgettable(store, settings, "small").experiments == 2
    store.workers.register(1, 0.0, "here")
    with pytest.raises(InputError, match="an engine serves small; stop it first"):
        forget(store, settings, "small")
