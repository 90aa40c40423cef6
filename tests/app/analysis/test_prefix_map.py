"""The map of shared beginnings against counting every beginning of every prompt."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from app.analysis.prefix_map import PrefixMap, PrefixNode, prefix_map

PROMPTS = st.lists(st.lists(st.integers(0, 2), max_size=7).map(tuple), max_size=9)


def beginning(found: PrefixMap, prompts: list[tuple[int, ...]], node: PrefixNode) -> tuple[int, ...]:
    return prompts[found.order[node.row]][: node.tokens]


def test_a_tree_by_hand() -> None:
    # Two share 1 2 3, a third shares 1 2, the last nothing; sorted they are in rows 0 to 3.
    found = prefix_map([(1, 2, 3, 5), (9, 9), (1, 2, 3, 4, 4), (1, 2)])
    assert found.order == (3, 2, 0, 1)
    assert found.lengths == (2, 5, 4, 2)
    assert found.nodes == (PrefixNode(2, 3, 0, None, 2), PrefixNode(3, 2, 1, 0, 1))
    assert (found.tokens, found.repeated) == (13, 5)
    assert found.largest(1) == (found.nodes[0],)


def test_nothing_is_shared_by_none_or_one() -> None:
    assert prefix_map([]).nodes == prefix_map([(1, 2)]).nodes == prefix_map([(1,), (2,), ()]).nodes == ()


def test_equal_prompts_share_all_of_themselves() -> None:
    assert prefix_map([(1, 2), (1, 2)]).nodes == (PrefixNode(2, 2, 0, None, 2),)


@given(PROMPTS)
def test_it_has_every_beginning_that_cannot_be_made_longer(prompts: list[tuple[int, ...]]) -> None:
    users = Counter(prompt[:end] for prompt in prompts for end in range(1, len(prompt) + 1))
    maximal = {
        start: count
        for start, count in users.items()
        if count > 1 and all(users[(*start, token)] < count for token in range(3))
    }
    found = prefix_map(prompts)
    assert {beginning(found, prompts, node): node.prompts for node in found.nodes} == maximal
    assert len(found.nodes) == len(maximal)


@given(PROMPTS)
def test_parents_and_sums(prompts: list[tuple[int, ...]]) -> None:
    found = prefix_map(prompts)
    distinct = {prompt[:end] for prompt in prompts for end in range(1, len(prompt) + 1)}
    assert found.repeated == sum(map(len, prompts)) - len(distinct)
    for at, node in enumerate(found.nodes):
        start = beginning(found, prompts, node)
        shorter = [
            beginning(found, prompts, other)
            for other in found.nodes
            if other.tokens < node.tokens and start[: other.tokens] == beginning(found, prompts, other)
        ]
        longest = max(shorter, key=len, default=())
        assert node.own == node.tokens - len(longest)
        if node.parent is None:
            assert longest == ()
        else:
            assert node.parent < at
            assert beginning(found, prompts, found.nodes[node.parent]) == longest
        inside = found.order[node.row : node.row + node.prompts]
        assert all(prompts[position][: node.tokens] == start for position in inside)


@given(PROMPTS)
def test_the_largest_come_first(prompts: list[tuple[int, ...]]) -> None:
    found = prefix_map(prompts)
    repeated = [node.repeated for node in found.largest(3)]
    assert repeated == sorted((node.repeated for node in found.nodes), reverse=True)[:3]


def test_many_long_prompts_with_long_beginnings() -> None:
    # Ten thousand prompts in a hundred groups: 400 tokens for all, 100 for a group, the rest alone.
    prompts = [(*range(400), *[1000 + at % 100] * 100, 5000 + at) for at in range(10_000)]
    found = prefix_map(prompts)
    assert len(found.nodes) == 101
    assert (found.nodes[0].tokens, found.nodes[0].prompts) == (400, 10_000)
    assert {(node.own, node.prompts) for node in found.nodes[1:]} == {(100, 100)}
