"""How much of a prompt set a prefix cache can serve, found from token ids alone. Pure; needs no engine.

Follows vLLM's rules (vllm/v1/core): only whole blocks are looked up, and never a prompt's last token, which has to be
computed to get an answer (`get_computed_blocks` in kv_cache_manager.py). A prompt's blocks can be hit from the moment
it is scheduled (`allocate_slots` caches them before they are computed), so prompts in flight together share them, and
concurrency does not enter. Freed blocks are evicted oldest first, of one prompt the last block first (`free`).

Does not cover what depends on timing: blocks that requests in flight hold at once, preempted requests, and prompts
longer than an engine step, whose blocks come in step by step.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class PrefixGroup:
    """A beginning of `tokens` tokens, in whole blocks, that `prompts` prompts share and no more than those."""

    tokens: int
    prompts: int


@dataclass(frozen=True)
class SharedPrefix:
    """`shared` has, for each prompt, its tokens that come from the cache. `unlimited_hits` is what a cache that never
    evicts would serve; `distinct` the tokens it would hold."""

    block_size: int
    tokens: int
    shared: tuple[int, ...]
    unlimited_hits: int
    distinct: int
    groups: tuple[PrefixGroup, ...]

    @property
    def hits(self) -> int:
        return sum(self.shared)

    @property
    def hit_rate(self) -> float | None:
        """Share of all prompt tokens; None where there are none."""
        return self.hits / self.tokens if self.tokens else None


def shared_prefix(
    prompts: Sequence[Sequence[int]],
    block_size: int,
    capacity: int | None = None,
    answers: Sequence[Sequence[int]] = (),
    held_back: int = 0,
) -> SharedPrefix:
    """The prompts in sending order. `capacity` is the cache's size in tokens, None for one that never evicts.

    `answers`, where they are known, take room and stay in the cache as well, for a later prompt that repeats them.
    `held_back` matched blocks at the end are computed anew: 1 beside a drafting head, which needs their hidden states.
    """
    if block_size < 1:
        raise ValueError(f"a block of {block_size} tokens")
    tree = _Tree()
    paths = [tree.path(prompt, block_size) for prompt in prompts]
    whole = [
        tree.path([*prompt, *answer[:-1]], block_size) if answer else path
        for prompt, answer, path in zip(prompts, [*answers, *[()] * (len(prompts) - len(answers))], paths, strict=True)
    ]
    needs = [
        -(-(len(prompt) + (len(answers[at]) if at < len(answers) else 0)) // block_size)
        for at, prompt in enumerate(prompts)
    ]
    lookups = [path[: max(0, (len(prompt) - 1) // block_size)] for prompt, path in zip(prompts, paths, strict=True)]
    blocks = None if capacity is None else max(1, capacity // block_size)
    served = _served(lookups, whole, needs, blocks, held_back)
    unlimited = served if blocks is None else _served(lookups, whole, needs, None, held_back)
    return SharedPrefix(
        block_size=block_size,
        tokens=sum(map(len, prompts)),
        shared=tuple(count * block_size for count in served),
        unlimited_hits=sum(unlimited) * block_size,
        distinct=tree.size * block_size,
        groups=_groups(lookups, block_size),
    )


class _Tree:
    """Numbers whole blocks by what they hold and by everything before them, as an engine's chain of hashes does."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, tuple[int, ...]], int] = {}

    @property
    def size(self) -> int:
        return len(self._numbers)

    def path(self, tokens: Sequence[int], block_size: int) -> list[int]:
        path: list[int] = []
        for start in range(0, len(tokens) - block_size + 1, block_size):
            block = (path[-1] if path else -1, tuple(tokens[start : start + block_size]))
            path.append(self._numbers.setdefault(block, len(self._numbers)))
        return path


def _served(
    lookups: Sequence[Sequence[int]],
    wholes: Sequence[Sequence[int]],
    needs: Sequence[int],
    capacity: int | None,
    held_back: int,
) -> list[int]:
    """Blocks of each prompt that the cache serves. Keeps the cached blocks in the order in which they are evicted."""
    cached: OrderedDict[int, None] = OrderedDict()
    served = []
    for lookup, whole, need in zip(lookups, wholes, needs, strict=True):
        matched = 0
        while matched < len(lookup) and lookup[matched] in cached:
            matched += 1
        served.append(max(0, matched - held_back))
        for number in whole:
            cached.pop(number, None)
        while capacity is not None and cached and len(cached) + need > capacity:
            cached.popitem(last=False)
        for number in reversed(whole if capacity is None else whole[:capacity]):
            cached[number] = None
    return served


def _groups(lookups: Sequence[Sequence[int]], block_size: int) -> tuple[PrefixGroup, ...]:
    """Beginnings that at least two prompts share and that no longer beginning is shared by as many, longest first."""
    users: defaultdict[int, int] = defaultdict(int)
    depths: dict[int, int] = {}
    heirs: defaultdict[int, set[int]] = defaultdict(set)
    for lookup in lookups:
        for depth, number in enumerate(lookup, start=1):
            users[number] += 1
            depths[number] = depth
        for number, following in pairwise(lookup):
            heirs[number].add(following)
    found = [
        PrefixGroup(depths[number] * block_size, count)
        for number, count in users.items()
        if count > 1 and all(users[heir] < count for heir in heirs[number])
    ]
    return tuple(sorted(found, key=lambda group: (-group.prompts, -group.tokens)))
