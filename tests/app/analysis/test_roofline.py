"""Useful work, counted by hand for a model small enough to count."""

from __future__ import annotations

import pytest

from app.analysis.roofline import ModelShape, bytes_read, operations, shape_of, work_of

TINY = {
    "model_type": "llama", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 16, "vocab_size": 32,
}  # fmt: skip


def test_weights_are_those_of_the_matrices() -> None:
    shape = shape_of(TINY)
    assert shape is not None
    # Of a layer: queries and output 8 x 8, keys and values 8 x 4, and three matrices of 8 x 16.
    assert shape.body_weights == 2 * (2 * 64 + 2 * 32 + 3 * 128)
    assert shape.head_weights == 32 * 8
    assert shape.attention_width == 2 * 8
    assert shape.kv_bytes == 2 * 2 * 2 * 2 * 2


def test_a_model_whose_matrices_are_not_known_has_no_shape() -> None:
    assert shape_of({**TINY, "model_type": "mixtral"}) is None
    assert shape_of({**TINY, "intermediate_size": None}) is None
    assert shape_of({}) is None
    assert shape_of({"text_config": TINY}) == shape_of(TINY)


def test_every_computed_token_attends_to_itself_and_to_all_before() -> None:
    # Prompt of 3, two written: tokens 1 to 4 are computed, with 1 + 2 + 3 + 4 pairs; the fifth is not.
    work = work_of([(3, 0, 2)])
    assert (work.computed, work.written, work.pairs) == (4, 2, 10)
    # Writing the second token reads the prompt and the first.
    assert work.read_tokens == 4


def test_cached_tokens_are_attended_to_and_not_computed() -> None:
    work = work_of([(3, 2, 2)])
    assert (work.computed, work.pairs) == (2, 3 + 4)


def test_requests_add_up() -> None:
    one, both = work_of([(3, 0, 2)]), work_of([(3, 0, 2), (3, 0, 2)])
    assert both.pairs == 2 * one.pairs
    assert work_of([]).computed == 0


def test_operations_and_bytes_by_hand() -> None:
    shape = ModelShape(body_weights=100, head_weights=10, attention_width=5, kv_bytes=8)
    work = work_of([(3, 0, 2)])
    assert operations(shape, work) == pytest.approx(2 * (100 * 4 + 10 * 2) + 4 * 5 * 10)
    assert bytes_read(shape, work, weight_bytes=1000, steps=2) == pytest.approx(2000 + 8 * 4)
