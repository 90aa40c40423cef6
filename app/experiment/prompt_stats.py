"""What a prompt set holds in tokens and how much of it a prefix cache can serve, before anything has run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.analysis.shared_prefix import SharedPrefix, shared_prefix
from app.analysis.statistics import distribution
from app.engine.checkpoint import Checkpoint
from app.experiment.prompt_tokens import prompt_tokens
from app.experiment.shared_beginnings import SharedBeginnings, shared_beginnings
from app.prompts.prompt_set import PromptSet
from app.prompts.tiktoken_count import count_by_tiktoken, local_vocabulary
from optimizers.errors import InputError
from optimizers.kv_blocks import DEFAULT_TOKENS

SCHEMA = "rung.prompt_stats/1"


@dataclass(frozen=True)
class TokenCounts:
    """Tokens of the prompts by one tokenizer."""

    tokenizer: str
    total: int
    mean: float
    p50: float
    p95: float
    max: int

    @staticmethod
    def of(tokenizer: str, counts: Sequence[int]) -> TokenCounts:
        spread = distribution(counts)
        mean, p50, p95 = (spread[name] or 0.0 for name in ("mean", "p50", "p95"))
        return TokenCounts(tokenizer, sum(counts), mean, p50, p95, max(counts))


@dataclass(frozen=True)
class PromptStats:
    """`tiktoken` is None where none of its vocabularies is on this machine. `beginnings` are cut to blocks of the first
    size asked for."""

    prompt_set: PromptSet
    model: str
    tokens: TokenCounts
    tiktoken: TokenCounts | None
    shared: tuple[SharedPrefix, ...]
    beginnings: SharedBeginnings

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "prompt_set": self.prompt_set.name,
            "content_hash": self.prompt_set.content_hash,
            "prompts": len(self.prompt_set.prompts),
            "model": self.model,
            "tokens": asdict(self.tokens),
            "tiktoken": None if self.tiktoken is None else asdict(self.tiktoken),
            "shared_prefix": [
                {
                    "block_size": found.block_size,
                    "tokens": found.tokens,
                    "predicted_hits": found.hits,
                    "predicted_hit_rate": found.hit_rate,
                    "distinct_tokens": found.distinct,
                    "groups": [asdict(group) for group in found.groups],
                }
                for found in self.shared
            ],
            "shared_beginnings": self.beginnings.to_json(),
        }


def stats_of(prompt_set: PromptSet, checkpoint: Checkpoint, block_sizes: Sequence[int]) -> PromptStats:
    """Raises InputError where the checkpoint's tokenizer cannot be read, or its template refuses a prompt."""
    tokens = prompt_tokens(checkpoint.folder, prompt_set, checkpoint.has_chat_template)
    if tokens is None:
        raise InputError(f"the tokenizer of {checkpoint.name} cannot be read here; name another model: --model")
    known = [ids for ids in tokens if ids is not None]
    if len(known) < len(tokens):
        refused = prompt_set.prompts[tokens.index(None)].id
        raise InputError(f"the chat template of {checkpoint.name} refuses the prompt {refused!r}; name another model")
    vocabulary = local_vocabulary()
    return PromptStats(
        prompt_set=prompt_set,
        model=checkpoint.name,
        tokens=TokenCounts.of(checkpoint.name, [len(ids) for ids in known]),
        tiktoken=TokenCounts.of(vocabulary.name, count_by_tiktoken(vocabulary, prompt_set.prompts))
        if vocabulary
        else None,
        shared=tuple(shared_prefix(known, size) for size in block_sizes),
        beginnings=shared_beginnings(prompt_set, known, checkpoint, block_sizes[0]),
    )


def block_sizes_to_show(device: str) -> tuple[int, ...]:
    """This machine's block size first, then those of other machines."""
    own = DEFAULT_TOKENS[device]
    return (own, *(size for size in DEFAULT_TOKENS.values() if size != own))
