"""Prefix caching: KV blocks of a shared prompt beginning are computed once and reused.

Covers vLLM's automatic prefix cache. Does not cover caches outside the engine (LMCache, offload to disk).
"""

from __future__ import annotations

from collections.abc import Mapping

from optimizers.technique import Evidence, Observation, Technique, Value, no_metrics

QUERIES = "vllm:prefix_cache_queries_total"
HITS = "vllm:prefix_cache_hits_total"


class PrefixCaching(Technique):
    key = "prefix_caching"
    title = "Prefix caching"
    attacks = "recomputation"
    summary = "Keeps the KV cache of a prompt's beginning, so that a shared system prompt is computed once."
    claim = "often a 30-50 % win alone; 0.55x to 0.38x on the article's ladder"
    off_means = "every prompt is computed from its first token (--no-enable-prefix-caching)"
    changes_engine = True
    claims_identical_output = True

    def engine_flags(self, settings: Mapping[str, Value] | None) -> dict[str, str | None]:
        return {"--enable-prefix-caching" if settings is not None else "--no-enable-prefix-caching": None}

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        if seen.delta is None:
            return no_metrics(self.key)
        queries, hits = seen.delta.get(QUERIES, 0.0), seen.delta.get(HITS, 0.0)
        if queries <= 0:
            return Evidence(self.key, False, "the engine looked no token up in its prefix cache")
        rate = hits / queries
        detail = f"{hits:,.0f} of {queries:,.0f} prompt tokens came from the prefix cache ({rate:.1%})"
        if hits <= 0:
            detail = f"no hit in {queries:,.0f} prompt tokens looked up: the prompts share no prefix of a whole block"
        return Evidence(self.key, hits > 0, detail, {"queries": queries, "hits": hits, "hit_rate": rate})
