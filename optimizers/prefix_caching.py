"""Prefix caching: KV blocks of a shared prompt beginning are computed once and reused.

Covers vLLM's automatic prefix cache. Does not cover caches outside the engine (LMCache, offload to disk).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optimizers.errors import InputError
from optimizers.kv_blocks import DEFAULT_TOKENS, MULTIPLE_OF
from optimizers.technique import Beside, Evidence, Observation, Setting, Surroundings, Technique, Value, no_metrics

QUERIES = "vllm:prefix_cache_queries_total"
HITS = "vllm:prefix_cache_hits_total"
PREEMPTIONS = "vllm:num_preemptions_total"
SMALLEST = min(MULTIPLE_OF.values())
UNLIKE = 0.05
"""A hit rate further than this from the predicted one is explained."""
SAME_COUNT = 0.01
PROMPT_CHANGERS: Mapping[str, str] = {
    "prompt_compression": "compression drops other words from each prompt",
    "history_summary": "a summary takes the place of the turns that prompts share",
    "context_selection": "each prompt keeps other documents",
}
"""Technique -> why the prompts that it leaves share less. Only a sentence hangs on it, nothing that is measured."""


class PrefixCaching(Technique):
    key = "prefix_caching"
    title = "Prefix caching"
    attacks = "recomputation"
    summary = "Keeps the KV cache of a prompt's beginning, so that a shared system prompt is computed once."
    claim = "often a 30-50 % win alone; 0.55x to 0.38x on the article's ladder"
    off_means = "every prompt is computed from its first token (--no-enable-prefix-caching)"
    changes_engine = True
    claims_identical_output = True
    settings = (
        Setting(
            "block_size",
            "int",
            None,
            "Tokens of a block; only whole blocks are reused (vLLM --block-size). Empty leaves it to vLLM: "
            f"{DEFAULT_TOKENS['cuda']} on a GPU, {DEFAULT_TOKENS['cpu']} on a CPU, where 32 also catches short ones.",
            minimum=SMALLEST,
            maximum=1024,
            unit="tokens",
        ),
    )

    def check(self, settings: Mapping[str, Any]) -> dict[str, Value]:
        checked = super().check(settings)
        size = checked["block_size"]
        if isinstance(size, int) and size % SMALLEST:
            raise InputError(f"{self.key}.block_size is {size}, but must be a multiple of {SMALLEST}")
        return checked

    def unusable(self, settings: Mapping[str, Value], surroundings: Surroundings) -> str | None:
        size, multiple = settings.get("block_size"), MULTIPLE_OF[surroundings.device]
        if isinstance(size, int) and size % multiple:
            return f"block_size is {size}, and a {surroundings.device} engine takes multiples of {multiple}"
        return super().unusable(settings, surroundings)

    def engine_flags(self, settings: Mapping[str, Value] | None) -> dict[str, str | None]:
        if settings is None:
            return {"--no-enable-prefix-caching": None}
        size = settings.get("block_size")
        return {"--enable-prefix-caching": None} | ({} if size is None else {"--block-size": str(size)})

    def cautions(self, settings: Mapping[str, Value], beside: Beside) -> Sequence[str]:
        found = []
        saved, sent = beside.saved_hit_rate, beside.sent_hit_rate
        changers = [reason for key, reason in PROMPT_CHANGERS.items() if key in beside.settings]
        if changers:
            why = " and ".join(changers)
            if saved is None or sent is None:
                found.append(f"the shared beginning that the prefix cache lives on may get shorter, as {why}")
            else:
                found.append(
                    f"it would serve {saved:.1%} of the prompts' tokens as saved and {sent:.1%} as sent ({why})"
                )
        elif saved == 0:
            found.append("the prompts share no beginning of a whole block, so the prefix cache has nothing to reuse")
        return found

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        if seen.delta is None:
            return no_metrics(self.key)
        queries, hits = seen.delta.get(QUERIES, 0.0), seen.delta.get(HITS, 0.0)
        if queries <= 0:
            return Evidence(self.key, False, "the engine looked no token up in its prefix cache")
        rate, expected = hits / queries, seen.prediction
        detail = f"{hits:,.0f} of {queries:,.0f} prompt tokens came from the prefix cache ({rate:.1%})"
        if hits <= 0:
            block = f" of {expected['block_size']:.0f} tokens" if expected else ""
            detail = f"no hit in {queries:,.0f} prompt tokens looked up: the prompts share no prefix of a whole block"
            detail += block
        figures = {"queries": queries, "hits": hits, "hit_rate": rate}
        if expected and expected["queries"]:
            predicted = expected["hits"] / expected["queries"]
            figures |= {"predicted_hit_rate": predicted, "block_size": expected["block_size"]}
            detail += f"; predicted from the prompts: {predicted:.1%}"
            if abs(rate - predicted) > UNLIKE:
                detail += f", {_apart(rate - predicted)} because {why_unlike(queries, hits, expected, seen)}"
        return Evidence(self.key, hits > 0, detail, figures)


def _apart(gap: float) -> str:
    return f"{abs(gap) * 100:.0f} points {'less' if gap < 0 else 'more'} was measured"


def why_unlike(queries: float, hits: float, expected: Mapping[str, float], seen: Observation) -> str:
    """The first cause that the figures speak for; says so when they speak for none."""
    if abs(queries - expected["queries"]) > SAME_COUNT * expected["queries"]:
        return f"the engine looked {queries:,.0f} tokens up and the prompts have {expected['queries']:,.0f}"
    if hits / queries > expected["hits"] / expected["queries"]:
        repeated = expected.get("repeated_hits", 0.0)
        if repeated > expected["hits"]:
            at_most = repeated / expected["queries"]
            return f"answers stay in the cache too and later prompts repeat them, which allows up to {at_most:.1%}"
        return "the cache held blocks that no prompt of this run had put there"
    preempted = (seen.delta or {}).get(PREEMPTIONS, 0.0)
    if preempted:
        return f"memory ran short: requests were preempted {preempted:,.0f} times, and cached blocks gave way"
    room, held = expected.get("cache_tokens"), seen.peak_in_flight * expected["longest"]
    if room is not None and expected["distinct"] > room:
        return f"blocks were evicted: the cache holds {room:,.0f} tokens, the prompts {expected['distinct']:,.0f}"
    if room is not None and held + expected["distinct"] > room:
        return (
            f"blocks were evicted: up to {seen.peak_in_flight} prompts in flight hold up to {held:,.0f} of the cache's "
            f"{room:,.0f} tokens"
        )
    missing = expected["hits"] - hits
    if seen.peak_in_flight > 1 and missing <= (seen.peak_in_flight - 1) * expected["longest"]:
        return f"{seen.peak_in_flight} prompts were in flight before the first had filled the cache"
    return "of something that the engine's readings do not show"
