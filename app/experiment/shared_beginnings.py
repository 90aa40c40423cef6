"""The largest beginnings that prompts of a set share, by a model's tokenizer, with the words that they begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.analysis.prefix_map import PrefixMap, PrefixNode, prefix_map
from app.engine.checkpoint import Checkpoint
from app.experiment.prompt_tokens import token_text
from app.prompts.prompt_set import PromptSet

LARGEST = 20
LEAST_SHARE = 0.001
"""Of all prompt tokens: what repeats fewer is noise, such as two numbers that begin with the same digit."""
SHOWN_TOKENS = 24


@dataclass(frozen=True)
class Beginning:
    """`whole_block_tokens` of its `tokens` fill whole blocks, which alone are cached. Those beyond the next shorter
    beginning are its own part: `repeated_tokens` counts it for each prompt but the first, `words` are its first ones.
    `prompt` begins so."""

    tokens: int
    whole_block_tokens: int
    prompts: int
    repeated_tokens: int
    words: str
    prompt: str


@dataclass(frozen=True)
class SharedBeginnings:
    map: PrefixMap
    block_size: int
    largest: tuple[Beginning, ...]

    def to_json(self) -> list[dict[str, Any]]:
        return [asdict(each) for each in self.largest]


def shared_beginnings(
    prompt_set: PromptSet, tokens: Sequence[tuple[int, ...]], checkpoint: Checkpoint, block_size: int
) -> SharedBeginnings:
    """`tokens` are the set's prompts by the checkpoint's tokenizer, in order."""
    found = prefix_map(tokens)
    notable = [node for node in found.largest(LARGEST) if node.repeated >= LEAST_SHARE * found.tokens]

    def described(node: PrefixNode) -> Beginning:
        at = found.order[node.row]
        before = node.tokens - node.own
        own = tokens[at][before : min(before + SHOWN_TOKENS, node.tokens)]
        words = " ".join(token_text(checkpoint.folder, own).split())
        return Beginning(
            node.tokens,
            node.tokens // block_size * block_size,
            node.prompts,
            node.repeated,
            f"… {words}" if before else words,
            prompt_set.prompts[at].id,
        )

    return SharedBeginnings(found, block_size, tuple(described(node) for node in notable))
