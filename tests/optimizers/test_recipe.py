"""Recipes: read from JSON or refused in one line, hashable, and turned into launch flags and a schedule."""

from __future__ import annotations

from typing import Any

import pytest

from optimizers.errors import InputError
from optimizers.recipe import Recipe

BATCHING = {"max_num_seqs": None, "max_num_batched_tokens": None, "chunked_prefill": "engine"}
FULL = [
    {"technique": "prefix_caching", "settings": {}},
    {"technique": "continuous_batching", "settings": {"max_num_seqs": 4}},
]


@pytest.mark.parametrize("document", [FULL, {"recipe": FULL}, {"schema": "rung.run/1", "recipe": FULL}])
def test_recipes_are_read_from_a_list_or_from_a_document_that_holds_one(document: Any) -> None:
    recipe = Recipe.from_json(document)
    assert [use.key for use in recipe.uses] == ["prefix_caching", "continuous_batching"]
    assert recipe.settings_of("continuous_batching") == BATCHING | {"max_num_seqs": 4}
    assert recipe.settings_of("speculative_decoding") is None


def test_names_alone_take_the_defaults() -> None:
    assert Recipe.from_json(["prefix_caching"]) == Recipe.of([("prefix_caching", {})])
    assert Recipe.from_json([{"technique": "prefix_caching", "settings": None}]) == Recipe.of([("prefix_caching", {})])


def test_json_round_trip_keeps_order_and_settings() -> None:
    recipe = Recipe.of([("speculative_decoding", {"num_speculative_tokens": 2}), ("prefix_caching", {})])
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert hash(Recipe.from_json(recipe.to_json())) == hash(recipe)
    assert recipe.title == "Speculative decoding + Prefix caching"
    assert Recipe().title == "Baseline"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("prefix_caching", 'FILE must be a list of {"technique", "settings"}'),
        ({"techniques": []}, "FILE must be a list"),
        ([7], "FILE, entry 1: expected"),
        (["prefix_caching", {"settings": {}}], "FILE, entry 2: expected"),
        ([{"technique": ["x"]}], "FILE, entry 1: expected"),
        ([{"technique": "prefix_caching", "setting": {}}], "FILE, entry 1: unknown field 'setting'"),
        ([{"technique": "prefix_caching", "settings": [1]}], 'FILE, entry 1: "settings" must be an object'),
        (["nonsense"], "there is no technique 'nonsense'"),
        (["prefix_caching", "prefix_caching"], "names prefix_caching twice"),
        ([{"technique": "continuous_batching", "settings": {"max_num_seqs": 0}}], "max_num_seqs is 0"),
        ([{"technique": "continuous_batching", "settings": {"max_num_seqs": 10**400}}], "max_num_seqs is 1"),
    ],
)
def test_wrong_documents_are_refused_with_their_place(document: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Recipe.from_json(document, "FILE")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[", '["prefix_caching"', "[" * 100_000, f"[{'9' * 5000}]", "{'a': 1}"])
def test_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^recipe\.json "):
        Recipe.parse(text, "recipe.json")


def test_flags_say_on_and_off() -> None:
    assert Recipe().engine_flags() == {"--no-enable-prefix-caching": None}
    on = Recipe.of([("prefix_caching", {}), ("continuous_batching", {"max_num_batched_tokens": 512})]).engine_flags()
    assert on == {"--enable-prefix-caching": None, "--max-num-batched-tokens": "512"}


def test_only_continuous_batching_asks_for_overlap() -> None:
    assert Recipe().schedule().batched is False
    assert Recipe.of([("prefix_caching", {})]).schedule().batched is False
    assert Recipe.of([("continuous_batching", {})]).schedule().batched is True


def test_plus_checks_what_it_adds() -> None:
    recipe = Recipe().plus("prefix_caching").plus("continuous_batching", {"max_num_seqs": 2})
    assert recipe.settings_of("continuous_batching") == BATCHING | {"max_num_seqs": 2}
    with pytest.raises(InputError, match="twice"):
        recipe.plus("prefix_caching")
