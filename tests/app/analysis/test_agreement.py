"""Answers beside answers: equal to the letter, alike by edit distance, repeat with repeat."""

from __future__ import annotations

import pytest

from app.analysis.agreement import agreement


def test_identical_is_identical_to_the_letter() -> None:
    baseline = {0: "one", 1: "two", 2: "three", 3: "four"}
    found = agreement([baseline], [{0: "one", 1: "Two", 2: "three "}])
    assert found is not None
    assert found.identical == pytest.approx(100 / 3)
    assert found.answers == 3
    same = agreement([baseline], [baseline])
    assert same is not None
    assert (same.identical, same.similarity) == (100.0, 100.0)


def test_similarity_is_one_minus_the_edits_for_each_letter_of_the_longer() -> None:
    found = agreement([{0: "kitten", 1: ""}], [{0: "sitting", 1: "abcd"}])
    assert found is not None
    assert found.similarity == pytest.approx(100 * ((1 - 3 / 7) + 0) / 2)
    assert found.identical == 0.0


def test_all_repeats_count_and_each_meets_its_own() -> None:
    found = agreement([{0: "a"}, {0: "b"}, {0: "c"}], [{0: "a"}, {0: "a"}])
    assert found is not None
    assert (found.identical, found.answers) == (50.0, 2)


@pytest.mark.parametrize("other", [[], [{}], [{7: "one"}]])
def test_nothing_in_common_is_no_agreement(other: list[dict[int, str]]) -> None:
    assert agreement([{0: "one"}], other) is None
