"""Which beginnings the prompts of a set share, token by token: the inner nodes of their radix tree. Pure.

Sorted, prompts that share a beginning stand side by side, and a beginning is an interval of neighbours whose common
prefixes are all as long (the LCP-interval tree: Abouelhoda, Kurtz, Ohlebusch, J. Discrete Algorithms 2 (2004) 53-86).
Takes n log n comparisons of prompts, no tree in memory. Does not know what a cache does with it (shared_prefix.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class PrefixNode:
    """A beginning of `tokens` tokens that `prompts` prompts share, and no longer one is shared by all of those.

    Its prompts stand at `row` and after it in the map's order. `parent` is the position of the longest beginning within
    it that more prompts share, None where there is none; `own` counts the tokens beyond the parent's.
    """

    tokens: int
    prompts: int
    row: int
    parent: int | None
    own: int

    @property
    def repeated(self) -> int:
        """Tokens of its own part that are computed once too often for each prompt but the first, without a cache."""
        return self.own * (self.prompts - 1)


@dataclass(frozen=True)
class PrefixMap:
    """`order` has the prompts' positions sorted by their tokens, `lengths` their tokens in that order. Parents stand
    before their children in `nodes`."""

    order: tuple[int, ...]
    lengths: tuple[int, ...]
    nodes: tuple[PrefixNode, ...]

    @property
    def tokens(self) -> int:
        return sum(self.lengths)

    @property
    def repeated(self) -> int:
        """Tokens that some earlier prompt began with as well: what a cache of single tokens could serve at most."""
        return sum(node.repeated for node in self.nodes)

    def largest(self, count: int) -> tuple[PrefixNode, ...]:
        """The nodes that repeat most tokens, most first."""
        return tuple(sorted(self.nodes, key=lambda node: (-node.repeated, node.row, node.tokens))[:count])


def prefix_map(prompts: Sequence[tuple[int, ...]]) -> PrefixMap:
    """`prompts` are token ids in any order."""
    order = sorted(range(len(prompts)), key=prompts.__getitem__)
    ranked = [prompts[at] for at in order]
    common = [_common(one, other) for one, other in pairwise(ranked)]
    return PrefixMap(tuple(order), tuple(map(len, ranked)), _nodes(common))


def _nodes(common: Sequence[int]) -> tuple[PrefixNode, ...]:
    """`common[i]` is how many tokens the prompts in rows i and i + 1 share."""
    found: list[tuple[int, int, int]] = []
    open_: list[tuple[int, int]] = []
    for row, length in enumerate([*common, 0]):
        left = row
        while open_ and open_[-1][0] > length:
            tokens, left = open_.pop()
            found.append((left, tokens, row - left + 1))
        if length and (not open_ or open_[-1][0] < length):
            open_.append((length, left))
    nodes: list[PrefixNode] = []
    around: list[int] = []
    for row, tokens, prompts in sorted(found):
        while around and nodes[around[-1]].row + nodes[around[-1]].prompts <= row:
            around.pop()
        parent = around[-1] if around else None
        own = tokens - (0 if parent is None else nodes[parent].tokens)
        around.append(len(nodes))
        nodes.append(PrefixNode(tokens, prompts, row, parent, own))
    return tuple(nodes)


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Length of the common prefix. Comparing slices is far quicker than comparing numbers one by one."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low
