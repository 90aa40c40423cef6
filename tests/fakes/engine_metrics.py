"""The fake engine's `/metrics` under vLLM's names and labels, and the prefix cache that feeds it.

Does not cover the dozens of vLLM metrics that Rung never reads. Prefix blocks are 16 words and are
never evicted; vLLM's own block size depends on the backend (128 on the CPU).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BLOCK_TOKENS = 16
KV_TOKENS = 65_536
CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
_LABELS = ("model_name", "engine")
_SECONDS = (0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0)
_TOKENS = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)


class PrefixCache:
    """Full blocks of words, each known by the hash of everything before it and the request's salt."""

    def __init__(self) -> None:
        self._blocks: set[int] = set()

    def _chain(self, words: list[str], salt: str) -> Iterator[int]:
        link = hash(salt)
        for start in range(0, len(words) - BLOCK_TOKENS + 1, BLOCK_TOKENS):
            link = hash((link, *words[start : start + BLOCK_TOKENS]))
            yield link

    def hit_tokens(self, words: list[str], salt: str) -> int:
        """At least one token is always computed, as in vLLM."""
        hits = 0
        for link in self._chain(words[: len(words) - 1], salt):
            if link not in self._blocks:
                break
            hits += BLOCK_TOKENS
        return hits

    def store(self, words: list[str], salt: str) -> None:
        self._blocks.update(self._chain(words, salt))

    def clear(self) -> None:
        self._blocks.clear()


class EngineMetrics:
    def __init__(self, model: str, spec_tokens: int) -> None:
        self._registry = CollectorRegistry()
        self._values = (model, "0")
        self._spec_tokens = spec_tokens
        self._prefix_queries = self._counter("prefix_cache_queries")
        self._prefix_hits = self._counter("prefix_cache_hits")
        self._prompt_tokens = self._counter("prompt_tokens")
        self._prompt_tokens_cached = self._counter("prompt_tokens_cached")
        self._generation_tokens = self._counter("generation_tokens")
        self._counter("num_preemptions")
        for name in ("flops", "read_bytes", "write_bytes"):
            self._counter(f"estimated_{name}_per_gpu")
        self._queue_seconds = self._histogram("request_queue_time_seconds", _SECONDS)
        self._inference_seconds = self._histogram("request_inference_time_seconds", _SECONDS)
        self._iteration_tokens = self._histogram("iteration_tokens_total", _TOKENS)
        if spec_tokens:
            # vLLM declares these only when speculation is on: elsewhere they are absent, not zero.
            self._drafts = self._counter("spec_decode_num_drafts")
            self._draft_tokens = self._counter("spec_decode_num_draft_tokens")
            self._accepted = self._counter("spec_decode_num_accepted_tokens")
            name = "spec_decode_num_accepted_tokens_per_pos"
            per_position = Counter(f"vllm:{name}", name, (*_LABELS, "position"), registry=self._registry)
            self._accepted_at = [per_position.labels(*self._values, str(at)) for at in range(spec_tokens)]

    def _counter(self, name: str) -> Counter:
        return Counter(f"vllm:{name}", name, _LABELS, registry=self._registry).labels(*self._values)

    def _histogram(self, name: str, buckets: tuple[float, ...]) -> Histogram:
        whole = Histogram(f"vllm:{name}", name, _LABELS, registry=self._registry, buckets=buckets)
        return whole.labels(*self._values)

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        Gauge(f"vllm:{name}", name, _LABELS, registry=self._registry).labels(*self._values).set_function(read)

    def admitted(self, queue_seconds: float) -> None:
        self._queue_seconds.observe(queue_seconds)

    def finished(self, running_seconds: float) -> None:
        self._inference_seconds.observe(running_seconds)

    def prefilled(self, prompt_tokens: int, cached_tokens: int, looked_up: bool) -> None:
        self._prompt_tokens.inc(prompt_tokens)
        self._prompt_tokens_cached.inc(cached_tokens)
        if looked_up:
            # With the cache off vLLM counts no query at all.
            self._prefix_queries.inc(prompt_tokens)
            self._prefix_hits.inc(cached_tokens)

    def stepped(self, generated: int, prefill_tokens: int) -> None:
        """One engine step; `prefill_tokens` is 0 in every step of a request but its first."""
        self._generation_tokens.inc(generated)
        self._iteration_tokens.observe(generated + prefill_tokens)
        if self._spec_tokens and not prefill_tokens:
            accepted = min(generated - 1, self._spec_tokens)
            self._drafts.inc()
            self._draft_tokens.inc(self._spec_tokens)
            self._accepted.inc(accepted)
            for counter in self._accepted_at[:accepted]:
                counter.inc()

    def text(self) -> bytes:
        return generate_latest(self._registry)
