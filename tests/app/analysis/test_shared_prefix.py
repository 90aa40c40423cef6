"""Predicted prefix-cache hits by hand: whole blocks, never the last token, what a small cache still holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.analysis.shared_prefix import PrefixGroup, shared_prefix

SYSTEM = list(range(100, 110))
"""Ten tokens that prompts begin with."""


def prompts(count: int, own: int = 3) -> list[list[int]]:
    return [[*SYSTEM, *(1000 * (at + 1) + token for token in range(own))] for at in range(count)]


def test_only_whole_blocks_of_a_shared_beginning_count() -> None:
    found = shared_prefix(prompts(3), block_size=4)
    # Ten shared tokens are two whole blocks; the first prompt finds the cache empty.
    assert found.shared == (0, 8, 8)
    assert (found.hits, found.tokens) == (16, 39)
    assert found.hit_rate == pytest.approx(16 / 39)
    assert shared_prefix(prompts(3), block_size=16).hits == 0


def test_the_last_token_of_a_prompt_is_always_computed() -> None:
    same = [[1, 2, 3, 4], [1, 2, 3, 4]]
    assert shared_prefix(same, block_size=4).hits == 0
    assert shared_prefix(same, block_size=2).shared == (0, 2)
    assert shared_prefix([[1, 2, 3, 4, 5]] * 2, block_size=4).shared == (0, 4)


def test_a_block_counts_only_after_the_same_beginning() -> None:
    assert shared_prefix([[1, 1, 7, 7, 5], [2, 2, 7, 7, 5]], block_size=2).hits == 0


def test_groups_say_how_many_prompts_share_which_beginning() -> None:
    chat = [[1, 2, 10, 11, 0], [1, 2, 10, 11, 20, 21, 0], [1, 2, 30, 31, 0], [9, 9, 9]]
    found = shared_prefix(chat, block_size=2)
    assert found.groups == (PrefixGroup(2, 3), PrefixGroup(4, 2))
    assert shared_prefix([[1, 2, 3], [4, 5, 6]], block_size=2).groups == ()


def test_a_small_cache_evicts_what_was_used_longest_ago() -> None:
    first, other = [1, 1, 2, 2, 0], [5, 5, 6, 6, 0]
    turns = [first, other, first]
    assert shared_prefix(turns, block_size=2).shared == (0, 0, 4)
    # Three blocks for each prompt: the cache holds two prompts, or only one.
    assert shared_prefix(turns, block_size=2, capacity=12).shared == (0, 0, 4)
    found = shared_prefix(turns, block_size=2, capacity=6)
    assert (found.shared, found.unlimited_hits, found.distinct) == ((0, 0, 0), 4, 8)


def test_of_one_prompt_the_end_is_evicted_first() -> None:
    # Five blocks: the second prompt needs three and takes one of the first's two.
    found = shared_prefix([[1, 1, 2, 2, 0], [5, 5, 6, 6, 0], [1, 1, 2, 2, 0]], block_size=2, capacity=8)
    assert found.shared == (0, 0, 2)


def test_answers_stay_in_the_cache_for_prompts_that_repeat_them() -> None:
    asked, again = [1, 2, 3, 4], [1, 2, 3, 4, 7, 8, 5]
    assert shared_prefix([asked, again], 2).shared == (0, 4)
    # The last token of an answer is sampled, not computed.
    assert shared_prefix([asked, again], 2, answers=[[7, 8, 9]]).shared == (0, 6)
    assert shared_prefix([asked, again], 2, answers=[[7, 8]]).shared == (0, 4)


def test_beside_drafting_heads_the_last_shared_block_is_computed_anew() -> None:
    assert shared_prefix(prompts(3), block_size=4, held_back=1).shared == (0, 4, 4)


def test_nothing_is_nothing() -> None:
    assert shared_prefix([], 16).hit_rate is None
    with pytest.raises(ValueError, match="a block of 0 tokens"):
        shared_prefix([[1]], 0)


@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), max_size=8),
    st.integers(1, 4),
    st.integers(12, 60),
)
def test_what_holds_for_all_prompts(some: list[list[int]], block: int, capacity: int) -> None:
    found = shared_prefix(some, block, capacity)
    for prompt, hit in zip(some, found.shared, strict=True):
        assert hit % block == 0
        assert hit < len(prompt)
    assert found.hits <= found.unlimited_hits
    assert found.unlimited_hits == shared_prefix(some, block).hits
    roomy = shared_prefix(some, block, capacity=2 * block * (1 + sum(map(len, some))))
    assert roomy.hits == found.unlimited_hits
