"""The models of the repository: names, companions, and what a clone that is not whole is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.engine.builtin import (
    BUILTIN,
    BUILTIN_TOOLS,
    FOLDERS,
    all_incomplete,
    incomplete,
    read_known,
    refuse_builtin,
)
from optimizers.errors import InputError
from tests.building import checkpoint_folder


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    return checkpoint_folder(tmp_path / "draft")


def test_a_whole_folder_lacks_nothing(draft: Path) -> None:
    assert incomplete(draft) is None
    assert read_known(draft, "starter-draft").name == "starter-draft"


@pytest.mark.parametrize("name", FOLDERS["draft"])
def test_each_file_is_missed(draft: Path, name: str) -> None:
    (draft / name).write_bytes(b"")
    assert incomplete(draft) == f"draft lacks {name}"
    (draft / name).unlink()
    assert incomplete(draft) == f"draft lacks {name}"


def test_weights_that_are_cut_off_or_something_else(draft: Path) -> None:
    weights = draft / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"more")
    assert incomplete(draft) == "draft/model.safetensors has 68 of 64 bytes"
    weights.write_text("version https://git-lfs.github.com/spec/v1")
    assert incomplete(draft) == "draft/model.safetensors is no safetensors file"


def test_every_folder_of_a_clone_is_looked_at(tmp_path: Path) -> None:
    for folder in FOLDERS:
        checkpoint_folder(tmp_path / folder)
    assert all_incomplete(tmp_path) is None
    assert all_incomplete(tmp_path / "nothing") == "; ".join(f"{folder} is missing" for folder in FOLDERS)


def test_only_a_built_in_name_asks_for_a_whole_folder(draft: Path) -> None:
    (draft / "generation_config.json").unlink()
    assert read_known(draft, "mine").name == "mine"
    with pytest.raises(InputError) as caught:
        read_known(draft, "starter-draft")
    assert str(caught.value) == (
        "the built-in model starter-draft is not whole: draft lacks generation_config.json; "
        "restore it with: git checkout -- starter/models"
    )


def test_built_in_names_are_taken() -> None:
    for name in (*BUILTIN, *BUILTIN_TOOLS):
        with pytest.raises(InputError, match="is a built-in model's; give this one another name"):
            refuse_builtin(name)
    refuse_builtin("mine")
