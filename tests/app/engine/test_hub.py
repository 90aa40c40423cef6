"""Which model a person means: a saved name, a folder, a hub id, or nothing that can be found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from app.engine.builtin import builtin_places
from app.engine.hardware import detect_hardware
from app.engine.hub import download, find_model, whole_name
from app.engine.plan import plan_engine
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.settings import Settings
from store.store import Store
from tests.building import checkpoint_folder

RESPONSE: Any = SimpleNamespace(headers={}, request=None, status_code=404)


def refusal(store: Store, settings: Settings, name: str) -> str:
    with pytest.raises(InputError) as caught:
        find_model(store, settings, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A hub whose cache is empty; `hub["answer"]` is the folder it gives or the error it raises."""
    state: dict[str, Any] = {"answer": None, "asked": []}

    def snapshot_download(hub_id: str, local_files_only: bool = False, **options: Any) -> str:
        if local_files_only:
            raise LocalEntryNotFoundError("not in the cache")
        state["asked"].append(hub_id)
        if isinstance(state["answer"], Exception):
            raise state["answer"]
        return str(state["answer"])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return state


def test_a_folder(store: Store, settings: Settings, model: Path) -> None:
    assert find_model(store, settings, str(model)).name == "tiny-model"


def test_a_saved_name_wins_over_a_folder(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = checkpoint_folder(tmp_path / "elsewhere")
    checkpoint_folder(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    store.models.add("mine", str(elsewhere))
    found = find_model(store, settings, "mine")
    assert (found.name, found.folder) == ("mine", elsewhere)


def test_the_starter_wins_over_everything(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint_folder(tmp_path / "starter")
    assert "the built-in model starter is not whole: target is missing" in refusal(store, settings, "starter")
    checkpoint_folder(settings.starter_model)
    assert find_model(store, settings, "starter").folder == settings.starter_model


def test_the_draft_has_a_name_of_its_own(store: Store, settings: Settings, starter: Path) -> None:
    found = find_model(store, settings, "starter-draft")
    assert (found.name, found.folder) == ("starter-draft", starter.parent / "draft")


def test_a_compressor_has_a_name_and_is_not_among_the_models_to_serve(
    store: Store, settings: Settings, starter: Path
) -> None:
    found = find_model(store, settings, "starter-classifier")
    assert (found.name, found.architecture) == ("starter-classifier", "XLMRobertaForTokenClassification")
    assert "starter-classifier" not in dict(builtin_places(settings))
    with pytest.raises(InputError, match="starter-classifier sorts tokens and writes none; name a language model"):
        plan_engine(found, Recipe(), detect_hardware())


def test_only_a_relative_folder_is_stored_as_something_else(
    store: Store, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    for taken in ("mine", "starter-draft"):
        checkpoint_folder(model.parent / taken)
    store.models.add("mine", "/elsewhere")
    assert whole_name(store, model.name) == str(model)
    for name in ("mine", "starter-draft", str(model), "maker/tiny", "nothing"):
        assert whole_name(store, name) == name


def test_a_saved_model_whose_folder_is_gone(store: Store, settings: Settings, tmp_path: Path) -> None:
    store.models.add("mine", str(tmp_path / "gone"))
    assert f"model {tmp_path / 'gone'}: there is no such folder" in refusal(store, settings, "mine")


@pytest.mark.parametrize("name", ["nothing", "/no/such/folder", "", "~nobody-here/m", "x" * 5000, "a\0b", "a/b/c"])
def test_what_is_neither_a_name_nor_a_folder_lists_the_names(store: Store, settings: Settings, name: str) -> None:
    store.models.add("mine", "/somewhere")
    message = refusal(store, settings, name)
    assert "no such folder, and no saved model of that name; saved: starter, starter-draft, mine" in message


def test_a_hub_id_is_downloaded_under_its_name(
    store: Store, settings: Settings, model: Path, hub: dict[str, Any]
) -> None:
    hub["answer"] = model
    found = find_model(store, settings, "maker/tiny")
    assert (found.name, found.folder, hub["asked"]) == ("maker/tiny", model, ["maker/tiny"])
    store.models.add("mine", "maker/tiny")
    assert find_model(store, settings, "mine").name == "mine"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (GatedRepoError("no", response=RESPONSE), "is gated; accept its terms and set HF_TOKEN"),
        (RepositoryNotFoundError("no", response=RESPONSE), "is neither a folder here nor a model on the hub"),
        (HfHubHTTPError("503: down\nsecond line", response=RESPONSE), "could not be reached (503: down)"),
        (LocalEntryNotFoundError("offline"), "could not be reached (offline)"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_a_hub_that_refuses(store: Store, settings: Settings, hub: dict[str, Any], error: Exception, says: str) -> None:
    hub["answer"] = error
    message = refusal(store, settings, "maker/tiny")
    assert says in message
    assert "a folder that holds config.json, a tokenizer and weights" in message


@pytest.mark.parametrize("name", ["a/b..c", "maker/tiny.git"])
def test_what_only_looks_like_a_hub_id(name: str) -> None:
    with pytest.raises(InputError, match="it is no hub id"):
        download(name)


def test_the_studio_never_downloads_by_looking_for_a_model(
    store: Store, settings: Settings, hub: dict[str, Any], tmp_path: Path
) -> None:
    looking = replace(settings, may_download=False)
    store.models.add("saved", "org/model")
    for name in ("org/model", "saved"):
        assert refusal(store, looking, name) == (
            "model 'org/model' is not on this machine; add it on the Models page or by `models add`, which downloads it"
        )
    assert hub["asked"] == []
