"""What a prompt set lets expect of the prefix cache, as the figures that a run stores and evidence reads. Pure.

Figures: `queries` and `hits` in tokens, as the engine counts them; `unlimited_hits` with a cache that evicts nothing;
`repeated_hits` when answers that later prompts repeat are served too; `distinct` the tokens that the cache would have
to hold; `longest` the longest prompt; `block_size`; and `cache_tokens`, which is missing where it is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.analysis.shared_prefix import shared_prefix

SUMMED = ("queries", "hits", "unlimited_hits", "repeated_hits")


def predict_hits(
    prompts: Sequence[Sequence[int]],
    block_size: int,
    cache_tokens: int | None = None,
    answers: Sequence[Sequence[int]] = (),
    held_back: int = 0,
) -> dict[str, float]:
    """Prompts in sending order; answers in the same order where they are known."""
    found = shared_prefix(prompts, block_size, cache_tokens, held_back=held_back)
    figures = {
        "queries": float(found.tokens),
        "hits": float(found.hits),
        "unlimited_hits": float(found.unlimited_hits),
        "distinct": float(found.distinct),
        "longest": float(max(map(len, prompts), default=0)),
        "block_size": float(block_size),
    }
    if cache_tokens is not None:
        figures["cache_tokens"] = float(cache_tokens)
    if any(answers):
        figures["repeated_hits"] = float(shared_prefix(prompts, block_size, cache_tokens, answers, held_back).hits)
    return figures


def merged_predictions(parts: Sequence[Mapping[str, float] | None]) -> dict[str, float] | None:
    """One prediction for a run that was sent in several parts, each with a cold cache; None if a part has none."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    merged = {name: max(part[name] for part in known if name in part) for part in known for name in part}
    return merged | {name: sum(part.get(name, 0.0) for part in known) for name in SUMMED if name in merged}
