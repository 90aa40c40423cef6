"""The stored prediction of a run: its figures, and one for parts that each began with a cold cache."""

from __future__ import annotations

from app.analysis.prediction import merged_predictions, predict_hits

PROMPTS = [[1, 2, 3, 4, 5], [1, 2, 3, 4, 6, 7]]


def test_figures_are_what_an_engine_would_count() -> None:
    assert predict_hits(PROMPTS, 2) == {
        "queries": 11.0, "hits": 4.0, "unlimited_hits": 4.0, "distinct": 6.0, "longest": 6.0, "block_size": 2.0,
    }  # fmt: skip
    small = predict_hits(PROMPTS, 2, cache_tokens=4)
    assert (small["cache_tokens"], small["hits"], small["unlimited_hits"]) == (4.0, 4.0, 4.0)


def test_answers_that_are_repeated_are_told_apart() -> None:
    found = predict_hits([[1, 2], [1, 2, 3, 4, 5]], 2, answers=[(3, 4, 9), ()])
    assert (found["hits"], found["repeated_hits"]) == (2.0, 4.0)
    assert "repeated_hits" not in predict_hits(PROMPTS, 2, answers=[(), ()])


def test_parts_add_up_and_one_unknown_part_leaves_all_unknown() -> None:
    part = predict_hits(PROMPTS, 2, cache_tokens=100)
    merged = merged_predictions([part, part])
    assert merged is not None
    assert (merged["queries"], merged["hits"], merged["longest"], merged["cache_tokens"]) == (22.0, 8.0, 6.0, 100.0)
    assert merged_predictions([part, None]) is None
    assert merged_predictions([]) is None
