"""Ranking by shared words: what a word is, and which of a few documents wins."""

from __future__ import annotations

import pytest

from optimizers.bm25 import scores, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Order 4821's status?", ["order", "4821", "s", "status"]),
        ("48.20 EUR at 8:05.", ["48.20", "eur", "at", "8:05"]),
        ("Lock B229, 1,250 units.", ["lock", "b229", "1,250", "units"]),
        ("GROSSE Straße", ["grosse", "strasse"]),
        ("Cafe\u0301", ["café"]),
        ("?! …", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_number_is_matched_as_a_whole() -> None:
    found = scores("What about order 4821?", ["Order 48 is late", "Order 14821 is late", "Order 4821 is late"])
    assert found[2] > found[0] == found[1] > 0


def test_a_rare_word_outweighs_one_that_most_documents_share() -> None:
    """Where a word stands in more than half of the documents, classic weights are negative and turn this round."""
    documents = ["lamp lamp lamp", "lamp kettle", "lamp", "lamp kettle"]
    found = scores("lamp kettle", documents)
    assert found[1] == found[3] > found[0]
    assert min(found) > 0


def test_a_word_that_is_said_again_or_means_nothing_weighs_no_more() -> None:
    documents = ["the the kettle", "copper kettle"]
    assert scores("copper", documents) == scores("the copper, the copper", documents)


@pytest.mark.parametrize("question", ["", "?", "the", "unknown"])
def test_no_shared_word_is_no_score(question: str) -> None:
    assert scores(question, ["a kettle", "a lamp"]) == [0.0, 0.0]


def test_documents_without_words_are_ranked_last() -> None:
    assert scores("kettle", ["", "…"]) == [0.0, 0.0]
    empty, kettle = scores("kettle", ["", "kettle"])
    assert kettle > empty == 0
