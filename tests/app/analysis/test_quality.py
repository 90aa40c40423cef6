"""Right answers by whole words, and the same answer to the letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.analysis.quality import expected_share, holds_expected, normalise, same_output_share


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The order has SHIPPED.", "shipped"),
        ("shipped", "Shipped."),
        ("It costs 12.50 EUR today", "12.50 EUR"),
        ("on  3\n May", "3 May"),
        ("C++ it is", "c++"),
        ("(delivered)", "delivered"),
        ("naïve café", "CAFÉ"),
    ],
)
def test_an_answer_that_holds_the_expected_one(answer: str, expected: str) -> None:
    assert holds_expected(answer, expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("unshipped", "shipped"),
        ("it was shippedd", "shipped"),
        ("order 41070", "4107"),
        ("12x50 EUR", "12.50 EUR"),
        ("", "shipped"),
        ("may 3", "3 may"),
    ],
)
def test_part_of_a_word_or_of_a_number_is_wrong(answer: str, expected: str) -> None:
    assert not holds_expected(answer, expected)


@given(st.text(alphabet="ab1 .,", min_size=1, max_size=12).filter(lambda text: normalise(text) != ""))
def test_every_answer_holds_itself(text: str) -> None:
    assert holds_expected(text, text)


def test_the_share_of_right_answers_counts_missing_ones_as_wrong() -> None:
    expected = {0: "yes", 1: "no", 2: "maybe", 3: "never"}
    assert expected_share({0: "Yes!", 1: "yes", 3: "never ever", 9: "unasked"}, expected) == 50.0
    assert expected_share({}, expected) == 0.0
    assert expected_share({0: "yes"}, {}) is None


def test_the_same_output_is_the_same_to_the_letter() -> None:
    baseline = {0: "one", 1: "two", 2: "three", 3: "four"}
    assert same_output_share(baseline, {0: "one", 1: "Two", 2: "three "}) == pytest.approx(100 / 3)
    assert same_output_share(baseline, baseline) == 100.0
    assert same_output_share(baseline, {7: "one"}) is None
