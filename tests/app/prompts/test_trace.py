"""Traces that hide their texts: the made-up prompts share what the trace shared, and arrive when it says."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.prompts.trace import from_trace
from optimizers.errors import InputError

FIRST = {"timestamp": 27_482, "input_length": 6_955, "output_length": 52, "hash_ids": [*range(46, 60)]}
SECOND = {"timestamp": 30_535, "input_length": 6_472, "output_length": 26, "hash_ids": [*range(46, 57), 2_353, 2_354]}


def shared_words(one: dict[str, Any], other: dict[str, Any]) -> int:
    pairs = zip(one["prompt"].split(), other["prompt"].split(), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def test_lengths_times_and_shared_blocks_of_mooncake() -> None:
    first, second = from_trace(FIRST), from_trace(SECOND)
    assert (len(first["prompt"].split()), len(second["prompt"].split())) == (6_955, 6_472)
    assert (first["arrival_s"], first["max_tokens"]) == (27.482, 52)
    # Eleven blocks are shared; the words after them are drawn anew, and one may be the same by chance.
    assert 11 * 512 <= shared_words(first, second) < 11 * 512 + 8
    assert from_trace(FIRST) == first


def test_bailian_has_small_blocks_and_seconds() -> None:
    row = {"chat_id": 159, "timestamp": 61.114, "input_length": 521, "output_length": 132, "hash_ids": [*range(33)]}
    made = from_trace(row)
    assert (len(made["prompt"].split()), made["arrival_s"]) == (521, 61.114)
    other = from_trace({**row, "hash_ids": [*range(20), *range(900, 913)]})
    assert 20 * 16 <= shared_words(made, other) < 20 * 16 + 8


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hash_ids": [1, 2]}, "6,955 tokens are 14 blocks of 512, but hash_ids has 2"),
        ({"hash_ids": "1,2"}, "but hash_ids has none"),
        ({"input_length": 0}, "input_length is 0, but must be a whole number from 1 to 1,000,000"),
        ({"input_length": 10**12}, "from 1 to 1,000,000"),
        ({"input_length": True}, "input_length is True"),
        ({"timestamp": "noon"}, "timestamp is 'noon', but must be a number of ms"),
    ],
)
def test_rows_that_do_not_add_up(change: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        from_trace({**FIRST, **change})


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(0, 511))
def test_any_length_is_kept(ids: list[int], short: int) -> None:
    length = len(ids) * 512 - short
    assert len(from_trace({"input_length": length, "hash_ids": ids})["prompt"].split()) == length
