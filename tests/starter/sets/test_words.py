"""Filling templates from the vocabulary."""

from __future__ import annotations

import random

import pytest

from starter.sets.words import Filler, Words, draw_unlike, is_held_out, shuffled_again_and_again, tell


def test_one_value_in_five_is_held_out_and_always_the_same_ones() -> None:
    held = [is_held_out(str(number)) for number in range(1000, 9999)]
    assert 0.18 < sum(held) / len(held) < 0.22
    assert (is_held_out("3 June"), is_held_out("12 April")) == (False, True)


@pytest.mark.parametrize("held_out", [True, False])
def test_a_numbered_slot_keeps_its_value_and_a_bare_one_does_not(held_out: bool) -> None:
    filler = Filler(Words(random.Random(3), held_out))
    kept = filler.fill("{person1}|{person2}|{person1}|{code}|{code}|{code}").split("|")
    assert kept[0] == kept[2] != kept[1]
    assert len(set(kept[3:])) > 1
    assert filler.fill("{person1}") == kept[0]


def test_a_vowel_takes_an() -> None:
    filler = Filler(Words(random.Random(1), True))
    things = {filler.fill("{an_item}") for _ in range(500)}
    assert {thing for thing in things if thing.startswith("an ")} == {"an enamel teapot", "an oak step stool"}
    assert all(thing.startswith(("a ", "an ")) for thing in things)


def test_no_drawn_value_holds_one_that_is_taken() -> None:
    words = Words(random.Random(1), False)
    for _ in range(300):
        drawn = draw_unlike("date", {"3 June", "14 May"}, words)
        assert "3 June" not in drawn
        assert drawn not in ("3 June", "14 May", "4 May")


def test_a_fact_says_its_value_once_and_no_two_facts_the_same() -> None:
    pattern = {"say": "It costs {v}.", "ask": "What does it cost?", "indirect": "what it costs", "kind": "euros"}
    facts = tell([pattern] * 20, Words(random.Random(1), True))
    assert len({fact.value for fact in facts}) == 20
    assert all(fact.sentence == f"It costs {fact.value}." for fact in facts)


def test_options_come_again_only_when_all_have_come() -> None:
    drawn = shuffled_again_and_again(["a", "b", "c"], Words(random.Random(1), True))
    rounds = [[next(drawn) for _ in range(3)] for _ in range(20)]
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1
