"""The Lab as a link: what is chosen comes back from the URL, and what a link cannot mean is told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.studio.lab_link import FIRST, NUMBERS, RECIPE, WORDS, first_settings, from_query, to_query, with_recipe
from app.studio.new_experiment import Choice, There
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from tests.building import use_processor

THERE = There(("starter", "other"), {"support-desk": 128, "few": 12})
FIRST_SEEN = Choice("starter", "support-desk", "ladder", ("prefix_caching",), 3, 16, 8, rate=2.0)
MANY = Choice(
    "other", "few", "run", ("speculative_decoding", "prefix_caching"), 2, 12, 4,
    {
        "speculative_decoding": first_settings("speculative_decoding", "other") | {"num_speculative_tokens": 7},
        "prefix_caching": first_settings("prefix_caching", "other"),
    },
    "static", "poisson", 3.5, baseline=False, max_tokens=128, temperature=0.7, warm_up=0, max_model_len=2048,
    kv_cache_gib=1.5, dtype="float32",
)  # fmt: skip


def back(choice: Choice) -> tuple[Choice, tuple[str, ...]]:
    return from_query(to_query(choice), FIRST_SEEN, THERE)


def test_a_choice_comes_back_whole_and_in_its_order() -> None:
    found, problems = back(MANY)
    assert (found, problems) == (MANY, ())
    assert list(found.techniques) == ["speculative_decoding", "prefix_caching"]


def test_only_what_is_not_at_first_is_in_the_link() -> None:
    assert to_query(FIRST_SEEN) == {
        "kind": "ladder", "serve": "starter", "send": "support-desk", RECIPE: '{"prefix_caching":{}}',
    }  # fmt: skip
    query = to_query(MANY)
    assert json.loads(query[RECIPE]) == {"speculative_decoding": {"num_speculative_tokens": 7}, "prefix_caching": {}}
    assert query["rate"] == "3.5"
    assert "loads" not in query


def test_what_comes_with_a_model_is_not_in_the_link_but_meant_by_it() -> None:
    brought = replace(FIRST_SEEN, techniques=("speculative_decoding",))
    assert json.loads(to_query(brought)[RECIPE]) == {"speculative_decoding": {}}
    assert back(brought)[0].settings_of("speculative_decoding")["draft_model"] == "starter-draft"
    elsewhere = back(replace(brought, model="other"))[0]
    assert elsewhere.settings_of("speculative_decoding")["method"] == "ngram"


def test_a_link_that_says_nothing_shows_what_is_first() -> None:
    assert from_query({}, FIRST_SEEN, THERE) == (FIRST_SEEN, ())


def test_settings_that_no_engine_would_take_come_back_too() -> None:
    wrong = first_settings("quantization", "other") | {"method": "awq", "bits": 3}
    choice = replace(MANY, techniques=("quantization",), settings={"quantization": wrong})
    assert back(choice) == (choice, ())


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"serve": "gone"}, "the link names the model 'gone', which is not here; starter is shown instead"),
        ({"send": "gone"}, "the link names the prompt set 'gone', which is not here; support-desk is shown instead"),
        ({"kind": "guess"}, "the link's kind is 'guess', but can be: ladder, one_at_a_time"),
        ({"repeats": "0"}, "the link's repeats is '0', but must be from 1 to 20; 3 is shown instead"),
        ({"rate": "nan"}, "the link's rate is 'nan'"),
        ({"in_flight": "many"}, "the link's in_flight is 'many'"),
        ({"load": "burst"}, "the link's load is 'burst'"),
        ({"loads": "1," * 200}, "the link's loads are too many"),
        ({"limits": "ttft_ms=1," * 40}, "the link's limits are too many"),
    ],
)
def test_what_a_link_cannot_mean_is_told_and_not_shown(query: dict[str, str], problem: str) -> None:
    found, problems = from_query(query, FIRST_SEEN, THERE)
    assert found == FIRST_SEEN
    assert len(problems) == 1
    assert problem in problems[0]


@pytest.mark.parametrize(
    ("recipe", "on", "problem"),
    [
        ("{", (), "the link's recipe cannot be read"),
        ("[1]", (), "the link's recipe cannot be read"),
        ("[" * 100_000, (), "the link's recipe cannot be read"),
        ('{"nothing":{},"prefix_caching":{}}', ("prefix_caching",), "there is no technique 'nothing'"),
        ('{"prefix_caching":{"size":1}}', ("prefix_caching",), "prefix_caching has no setting 'size'"),
        ('{"prefix_caching":{"block_size":"a"}}', ("prefix_caching",), "prefix_caching.block_size is 'a'"),
    ],
)
def test_a_recipe_that_cannot_be_is_told(recipe: str, on: tuple[str, ...], problem: str) -> None:
    found, problems = from_query({RECIPE: recipe}, FIRST_SEEN, THERE)
    assert found.techniques == on
    assert len(problems) == 1
    assert problem in problems[0]


def test_a_set_has_no_more_prompts_than_it_has() -> None:
    assert from_query({"send": "few", "first": "100"}, FIRST_SEEN, THERE)[0].limit == 12
    assert from_query({"send": "few"}, FIRST_SEEN, THERE)[0].limit == 12


def test_a_recipe_is_taken_as_it_is() -> None:
    recipe = Recipe.of([("speculative_decoding", {}), ("prefix_caching", {"block_size": 32})])
    assert with_recipe(FIRST_SEEN, recipe).recipe == recipe
    assert back(with_recipe(FIRST_SEEN, recipe))[0].recipe == recipe


def choices() -> some.SearchStrategy[Choice]:
    def settings(keys: list[str], tokens: int) -> dict[str, Any]:
        found = {key: first_settings(key, "starter") for key in keys}
        if "speculative_decoding" in found:
            found["speculative_decoding"]["num_speculative_tokens"] = tokens
        return found

    keys = some.lists(some.sampled_from(techniques().keys()), unique=True)
    whole = {name: some.integers(int(low), int(min(high, 9999))) for name, (low, high) in NUMBERS.items()}
    return some.builds(
        lambda keys, tokens, **rest: Choice(
            "starter", "support-desk", techniques=tuple(keys), settings=settings(keys, tokens), **rest
        ),
        keys,
        some.integers(1, 9),
        kind=some.sampled_from(WORDS["kind"]),
        load=some.sampled_from(WORDS["load"]),
        unbatched=some.sampled_from(WORDS["unbatched"]),
        varied=some.sampled_from(WORDS["varied"]),
        baseline=some.booleans(),
        loads=some.sampled_from([FIRST["loads"], "1", "0.5, 2", "x"]),
        slo=some.sampled_from([FIRST["slo"], "ttft_ms=500", "e2e_ms=1, x"]),
        repeats=whole["repeats"],
        limit=some.integers(1, 128),
        concurrency=whole["concurrency"],
        rate=some.sampled_from([0.01, 0.5, 2.0, 12.25]),
        price=some.sampled_from([None, 0.0, 0.5, 1234.56]),
    )


@given(choices())
def test_whatever_can_be_chosen_comes_back(choice: Choice) -> None:
    assert back(choice) == (choice, ())


def test_what_this_machine_decides_is_said_in_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = replace(FIRST_SEEN, techniques=("quantization",))
    use_processor(monkeypatch, "avx2")
    link = to_query(choice)
    assert json.loads(link[RECIPE]) == {"quantization": {"method": "int8_w8a8"}}
    use_processor(monkeypatch)
    assert choice.settings_of("quantization")["method"] == "gptq_w4a16"
    assert from_query(link, FIRST_SEEN, THERE)[0].settings_of("quantization")["method"] == "int8_w8a8"
