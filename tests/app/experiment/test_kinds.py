"""Kinds of experiment: which recipes each becomes, in which order, and what cannot be made of some techniques."""

from __future__ import annotations

import pytest

from app.experiment.kinds import BY_OPTION, KINDS, reference_of
from app.experiment.spec import Rung, ladder_rungs
from optimizers.errors import InputError
from optimizers.registry import techniques

PREFIX, BATCHING, SPECULATION = "prefix_caching", "continuous_batching", "speculative_decoding"
THREE = (BATCHING, PREFIX, SPECULATION)


def told(rungs: tuple[Rung, ...]) -> list[tuple[str, str]]:
    return [(rung.label, " ".join(use.key.partition("_")[0] for use in rung.recipe.uses)) for rung in rungs]


def test_the_ladder_is_the_cumulative_one() -> None:
    assert KINDS["ladder"].rungs(THREE) == ladder_rungs(THREE)


def test_each_technique_alone() -> None:
    assert told(KINDS["one_at_a_time"].rungs(THREE)) == [
        ("Baseline", ""),
        ("Baseline again", ""),
        ("Continuous batching", "continuous"),
        ("Prefix caching", "prefix"),
        ("Speculative decoding", "speculative"),
    ]


def test_everything_and_everything_without_each() -> None:
    assert told(KINDS["leave_one_out"].rungs(THREE)) == [
        ("Baseline", ""),
        ("Baseline again", ""),
        ("Everything", "continuous prefix speculative"),
        ("Without continuous batching", "prefix speculative"),
        ("Without prefix caching", "continuous speculative"),
        ("Without speculative decoding", "continuous prefix"),
    ]


def test_every_combination_once_the_small_ones_first() -> None:
    rungs = KINDS["factorial"].rungs(THREE)
    assert told(rungs)[2:] == [
        ("Continuous batching", "continuous"),
        ("Prefix caching", "prefix"),
        ("Speculative decoding", "speculative"),
        ("Continuous batching + Prefix caching", "continuous prefix"),
        ("Continuous batching + Speculative decoding", "continuous speculative"),
        ("Prefix caching + Speculative decoding", "prefix speculative"),
        ("Continuous batching + Prefix caching + Speculative decoding", "continuous prefix speculative"),
    ]
    assert len({rung.recipe for rung in rungs}) == 8


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_baseline_can_be_left_out_and_settings_reach_every_rung(kind: str) -> None:
    settings = {BATCHING: {"max_num_seqs": 8}}
    rungs = KINDS[kind].rungs(THREE, settings, again=False)
    assert [rung.label for rung in rungs].count("Baseline again") == 0
    used = [found for rung in rungs if (found := rung.recipe.settings_of(BATCHING))]
    assert used
    assert {found["max_num_seqs"] for found in used} == {8}


@pytest.mark.parametrize(
    ("kind", "keys", "message"),
    [
        ("ladder", (), "ladder needs at least one technique; none was given"),
        ("one_at_a_time", (), "one at a time needs at least one technique"),
        ("leave_one_out", (PREFIX,), "leave one out needs at least 2 techniques; prefix_caching was given"),
        ("factorial", (PREFIX,), "full factorial needs at least 2 techniques"),
        ("one_at_a_time", (PREFIX, PREFIX), "prefix_caching is named twice; give each technique once"),
        ("factorial", tuple("abcdef"), "a full factorial of 6 techniques would be 64 recipes; give at most 5"),
        ("factorial", ("nothing", PREFIX), "there is no technique 'nothing'"),
        ("one_at_a_time", ("nothing",), "there is no technique 'nothing'"),
    ],
)
def test_what_cannot_be_measured(kind: str, keys: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        KINDS[kind].rungs(keys)


def test_what_cannot_be_used_together_is_refused_and_can_be_measured_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(techniques().get(PREFIX)), "conflicts", {BATCHING: "they are told apart by nothing"})
    for kind in ("ladder", "leave_one_out", "factorial"):
        with pytest.raises(InputError, match="told apart by nothing; leave one of them out, or measure them one at a"):
            KINDS[kind].rungs(THREE)
    assert len(KINDS["one_at_a_time"].rungs(THREE)) == 5


def test_each_kind_has_an_option_and_says_what_it_is_for() -> None:
    assert list(BY_OPTION) == ["cumulative", "one-at-a-time", "leave-one-out", "factorial"]
    assert all(kind.title and kind.help.endswith(".") for kind in KINDS.values())


def test_a_free_choice_of_recipes_is_held_against_the_one_before() -> None:
    assert reference_of("run") == "rung before"
    assert [reference_of(key) for key in KINDS] == ["rung before", "baseline", "everything", "baseline"]
