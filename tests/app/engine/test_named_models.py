"""Names in a recipe become folders, before anything is planned, and only where they are used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.engine.checkpoint import Checkpoint, read_checkpoint
from app.engine.named_models import resolve_models, with_whole_names
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from tests.building import LLAMA, checkpoint_folder

Find = Callable[[str], Checkpoint]


def speculating(**settings: Any) -> Recipe:
    return Recipe.of([("prefix_caching", {}), ("speculative_decoding", settings)])


def with_vocabulary(folder: Path, vocabulary: dict[str, int], vocab_size: int = 8) -> Checkpoint:
    checkpoint_folder(folder, LLAMA | {"vocab_size": vocab_size})
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
    return read_checkpoint(folder)


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Knows one model, `small`, and says as find_model does when it is asked for another."""
    small = with_vocabulary(tmp_path / "small", {"a": 0, "b": 1})

    def finder(name: str) -> Checkpoint:
        if name != "small":
            raise InputError(f"model {name!r}: no such folder")
        return small

    return finder


def test_the_plan_has_the_folder_and_the_recipe_keeps_the_name(find: Find, tmp_path: Path) -> None:
    typed = speculating(method="draft_model", draft_model="small")
    resolved = resolve_models(typed, find)
    config = json.loads(resolved.recipe.engine_flags()["--speculative-config"] or "")
    assert config["model"] == str(tmp_path / "small")
    assert (typed.settings_of("speculative_decoding") or {})["draft_model"] == "small"
    assert resolved.to_json() == {
        "speculative_decoding.draft_model": {
            "name": "small",
            "fingerprint": find("small").fingerprint,
            "architecture": "LlamaForCausalLM",
            "weight_bytes": 64,
        }
    }


def test_a_recipe_that_names_no_model_stays_as_it_is(find: Find) -> None:
    for recipe in (Recipe(), speculating(), speculating(draft_model="idle beside ngram")):
        resolved = resolve_models(recipe, find, find("small"))
        assert (resolved.recipe, resolved.to_json()) == (recipe, {})


def test_a_wrong_name_is_told_with_the_setting(find: Find) -> None:
    with pytest.raises(InputError) as caught:
        resolve_models(speculating(method="draft_model", draft_model="smal"), find)
    assert str(caught.value) == "speculative_decoding.draft_model: model 'smal': no such folder"


@pytest.mark.parametrize(
    ("vocabulary", "vocab_size", "says"),
    [
        ({"a": 0, "b": 1}, 9, "small has a vocabulary of 8 tokens, served one of 9; a draft model needs"),
        ({"b": 0, "a": 1}, 8, "the tokenizers of small and served differ in 4 entries; a draft model needs"),
    ],
)
def test_a_draft_of_another_tongue_is_refused(
    find: Find, tmp_path: Path, vocabulary: dict[str, int], vocab_size: int, says: str
) -> None:
    served = with_vocabulary(tmp_path / "served", vocabulary, vocab_size)
    recipe = speculating(method="draft_model", draft_model="small")
    with pytest.raises(InputError) as caught:
        resolve_models(recipe, find, served)
    assert str(caught.value).startswith(f"speculative_decoding cannot be used so: {says}")


def test_what_a_checkpoint_does_not_tell_is_no_reason_to_refuse(find: Find, tmp_path: Path) -> None:
    silent = read_checkpoint(checkpoint_folder(tmp_path / "silent"))
    assert resolve_models(speculating(method="draft_model", draft_model="small"), find, silent).models


def test_names_are_made_whole_where_they_are_used() -> None:
    recipe = speculating(method="draft_model", draft_model="here")
    whole = with_whole_names(recipe, lambda name: f"/from/{name}")
    assert (whole.settings_of("speculative_decoding") or {})["draft_model"] == "/from/here"
    idle = speculating(draft_model="here")
    assert with_whole_names(idle, lambda name: f"/from/{name}") == idle
