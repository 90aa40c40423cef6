"""What a built-in model brings along: whole recipes of what the repository holds, and what this processor can use."""

from __future__ import annotations

import random

import pytest

from app.engine.builtin import BUILTIN, BUILTIN_TOOLS, COMPANIONS, STARTER
from app.experiment.companions import companion_settings
from optimizers.recipe import Recipe
from starter.sets.multi_turn import summary_request
from starter.sets.words import Words
from store.settings import Settings
from tests.building import use_processor


def test_the_starter_model_is_asked_for_summaries_as_it_practised() -> None:
    practised = {summary_request(Words(random.Random(seed), held_out=False)) for seed in range(99)}
    assert companion_settings("starter")["history_summary"]["instruction"] in practised


def test_what_comes_along_is_a_recipe_of_built_in_models() -> None:
    for model, brought in COMPANIONS.items():
        recipe = Recipe.of(companion_settings(model).items())
        assert {use.key for use in recipe.uses} == {*brought}
    assert companion_settings("starter")["speculative_decoding"]["draft_model"] in BUILTIN
    assert companion_settings("starter")["prompt_compression"]["compressor"] in BUILTIN_TOOLS
    assert companion_settings("mine") == companion_settings(None) == {}


def test_eight_bits_where_no_kernel_multiplies_by_four(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert companion_settings(STARTER)["quantization"] == {"method": "gptq_w4a16"}
    use_processor(monkeypatch, "avx2")
    assert companion_settings(STARTER)["quantization"] == {"method": "int8_w8a8"}


def test_where_no_way_is_usable_the_first_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    use_processor(monkeypatch, "avx2")
    ways = ({"method": "gptq_w4a16"}, {"method": "awq"})
    monkeypatch.setitem(COMPANIONS, "mine", {"quantization": ways})  # type: ignore[misc]
    assert companion_settings("mine")["quantization"] == ways[0]
