"""The share of right answers with its interval, and what is counted as a refusal or as no answer."""

from __future__ import annotations

import pytest

from app.analysis.quality import empty_answers, expected_share, is_refusal, quality_interval, refusals


def test_the_share_of_right_answers_counts_missing_ones_as_wrong() -> None:
    expected = {0: "yes", 1: "no", 2: "maybe", 3: "never"}
    assert expected_share({0: "Yes!", 1: "yes", 3: "never ever", 9: "unasked"}, expected) == 50.0
    assert expected_share({}, expected) == 0.0
    assert expected_share({0: "yes"}, {}) is None


def test_the_share_goes_by_the_rule() -> None:
    answers, expected = {0: "it is 12", 1: "twelve: 12.0"}, {0: "12", 1: "12"}
    assert expected_share({**answers, 1: "12"}, expected, "exact") == 50.0
    assert expected_share({**answers, 1: "€ 12e0"}, expected, "contains") == 50.0
    assert expected_share({**answers, 1: "€ 12e0"}, expected, "numeric") == 100.0


def test_the_interval_counts_prompts() -> None:
    few, many = quality_interval(97.0, 20), quality_interval(97.0, 200)
    assert few is not None
    assert many is not None
    assert few.low < many.low < 97.0 < many.high < few.high <= 100.0
    assert quality_interval(None, 20) is None
    assert quality_interval(50.0, 0) is None


@pytest.mark.parametrize(
    "answer",
    [
        "I cannot help with that.",
        "I\u2019m sorry, but I can\u2019t do this",
        "  As an AI\nlanguage model",
        "Sorry. That is not in the records.",
    ],
)
def test_a_refusal_is_a_phrase_near_the_beginning(answer: str) -> None:
    assert is_refusal(answer)
    assert not is_refusal("The order was shipped on Monday. " * 6 + answer)


@pytest.mark.parametrize("answer", ["", "Order 4107 has shipped.", "She can't be reached", "an AI lab"])
def test_an_answer_without_such_a_phrase_is_none(answer: str) -> None:
    assert not is_refusal(answer)


def test_a_phrase_that_was_expected_is_no_refusal() -> None:
    answers = {0: "That is not in the records.", 1: "That is not in the records.", 2: "I cannot say"}
    expected = {0: "not in the records", 1: "4107"}
    assert refusals(answers, expected) == 2
    assert refusals({}, expected) == 0


def test_white_space_is_an_empty_answer() -> None:
    assert empty_answers({0: "", 1: " \n\t", 2: ".", 3: "x"}) == 2
