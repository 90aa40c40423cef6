"""Records: no two values of a page alike, and nothing of one value inside another."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from starter.sets.records import KINDS, ask, ask_for_copy, make_records
from starter.sets.words import Words

# Values of these come from a short closed list and repeat where there are more records than words.
CLOSED = {"status", "priority"}


@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_no_value_of_a_page_holds_another(kind: str, held_out: bool) -> None:
    words = Words(random.Random(5), held_out)
    for _ in range(60):
        page = make_records(kind, 9, words)
        assert len({record.number for record in page}) == 9
        for attribute in page[0].values.keys() - CLOSED:
            for one, other in combinations([record.values[attribute] for record in page], 2):
                assert one not in other
                assert other not in one


def test_words_of_a_closed_list_differ_as_long_as_it_lasts() -> None:
    for seed in range(50):
        page = make_records("order", 9, Words(random.Random(seed), True))
        assert len({record.values["status"] for record in page}) == 9


def test_some_attributes_are_the_same_ones_in_all_records() -> None:
    page = make_records("ticket", 5, Words(random.Random(1), False), attributes=3)
    assert {tuple(record.values) for record in page} == {tuple(page[0].values)}
    assert len(page[0].values) == 3


def test_a_line_is_whole_in_itself() -> None:
    record = make_records("booking", 1, Words(random.Random(1), True))[0]
    first = record.text().splitlines()[0]
    assert first == record.line("guest")
    assert first.startswith(f"Booking {record.number} guest: ")


@pytest.mark.parametrize("held_out", [True, False])
def test_a_question_names_its_record_and_gives_nothing_away(held_out: bool) -> None:
    words = Words(random.Random(2), held_out)
    for kind in KINDS:
        for record in make_records(kind, 5, words):
            assert record.who in ask_for_copy(record, words)
            for attribute, value in record.values.items():
                asked = ask(kind, record.number, attribute, words)
                assert asked.lower().count(record.who) == 1
                assert value not in asked.replace(record.who, "")
                assert "{" not in asked
                assert asked[-1] in ".?"


def test_the_same_seed_gives_the_same_page() -> None:
    first, again, other = (make_records("order", 4, Words(random.Random(seed), True)) for seed in (1, 1, 2))
    assert first == again != other
