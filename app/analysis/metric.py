"""Every metric, declared once: tables, charts, verdicts and exports read direction, unit and format from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MISSING = "\N{EN DASH}"


@dataclass(frozen=True)
class Metric:
    """`better` is the direction of improvement, None where neither is. `distribution` metrics have a value for
    each request and are stored as mean and percentiles; `headline` is the statistic that tables show. A `relative`
    metric exists only beside another rung: a run by itself has none."""

    tag: str
    title: str
    unit: str
    better: Literal["lower", "higher"] | None
    digits: int
    distribution: bool = False
    headline: str = ""
    help: str = ""
    relative: bool = False

    def format(self, value: float | None, unit: bool = True) -> str:
        """The value with its unit, or an en dash when it could not be measured."""
        if value is None:
            return MISSING
        text = f"{value:,.{self.digits}f}"
        if unit and self.unit == "$":
            return f"${text}"
        return f"{text} {self.unit}" if unit and self.unit else text


METRICS: tuple[Metric, ...] = (
    Metric(
        "relative_cost", "Relative cost", "x", "lower", 2,
        help="Hardware time per answered request, as a multiple of the baseline's.", relative=True,
    ),
    Metric(
        "ttft_ms", "TTFT", "ms", "lower", 0, True, "p50",
        "Time to first token: from when the request was due to its first non-empty content.",
    ),
    Metric(
        "tpot_ms", "TPOT", "ms", "lower", 1, True, "p50",
        "Time per output token after the first: (last - first) / (output tokens - 1).",
    ),
    Metric(
        "itl_ms", "ITL per chunk", "ms", "lower", 1, True, "p50",
        "Gap between two chunks with content; a chunk can hold several tokens.",
    ),
    Metric(
        "token_itl_ms", "ITL per token", "ms", "lower", 1, True, "p50",
        "Gap between two tokens, of answers whose chunks hold one token each by the server's count.",
    ),
    Metric(
        "e2e_ms", "End to end", "ms", "lower", 0, True, "p50",
        "From when the request was due to the end of its answer.",
    ),
    Metric(
        "send_delay_ms", "Send delay", "ms", "lower", 1, True, "p99",
        "From when a request was due to when it left the client; a large one makes a run suspect.",
    ),
    Metric(
        "preparation_ms", "Preparation", "ms", "lower", 1, True, "mean",
        "Time spent on a prompt before it was due: compressing it, summarising its history. Charged to the cost.",
    ),
    Metric(
        "requests_per_s", "Throughput", "req/s", "higher", 2, help="Answered requests per second of the run."
    ),
    Metric(
        "output_tokens_per_s", "Output rate", "tok/s", "higher", 1, help="Output tokens per second of the run."
    ),
    Metric("prompt_tokens", "Prompt tokens", "", None, 0, help="Tokens of the prompts as saved."),
    Metric(
        "sent_prompt_tokens", "Tokens sent", "", "lower", 0,
        help="Prompt tokens that the engine was sent, by its own count.",
    ),
    Metric(
        "cached_tokens", "Cached tokens", "", "higher", 0,
        help="Prompt tokens that the engine took from its prefix cache instead of computing them.",
    ),
    Metric("output_tokens", "Output tokens", "", None, 0, help="Tokens that the engine wrote."),
    Metric(
        "prompt_tokens_difference", "Prompt tokens, Rung's count less the server's", "", None, 0,
        help="By the model's tokenizer and by the server's usage, over the requests that both counted.",
    ),
    Metric(
        "output_tokens_difference", "Output tokens, Rung's count less the server's", "", None, 0,
        help="The same of answers; the server counts an end token that has no text.",
    ),
    Metric(
        "preparation_share", "Preparation's share", "%", "lower", 1,
        help="Time spent on prompts before they were due / that time and the run's together.",
    ),
    Metric("queue_time_ms", "Queue time", "ms", "lower", 1, help="Mean time of a request in the engine's queue."),
    Metric(
        "running_batch", "Running batch", "", None, 1,
        help="Requests in the engine's batch: the mean of readings four times a second.",
    ),
    Metric("kv_usage_percent", "KV cache in use", "%", None, 1, help="Mean of the same readings."),
    Metric("kv_usage_peak_percent", "KV cache in use, peak", "%", None, 1, help="Largest of the same readings."),
    Metric("preemptions", "Preemptions", "", "lower", 0, help="Requests that lost their place for want of KV cache."),
    Metric(
        "prefix_hit_percent", "Prefix hit rate", "%", "higher", 1,
        help="Share of the looked-up prompt tokens that the prefix cache served, by the engine's count.",
    ),
    Metric(
        "acceptance_percent", "Acceptance", "%", "higher", 1,
        help="Share of the drafted tokens that the model accepted.",
    ),
    Metric(
        "acceptance_length", "Acceptance length", "tok", "higher", 2,
        help="Tokens for each verified step: 1 + accepted / drafts.",
    ),
    Metric(
        "prefill_percent", "Prefill's share", "%", None, 1,
        help="Share of prefill in the time that requests spent in prefill and decode.",
    ),
    Metric(
        "idle_percent", "Idle", "%", "lower", 1,
        help="Share of the readings that found no request running: hardware that was paid for and did nothing.",
    ),
    Metric(
        "power_w", "Power", "W", "lower", 1,
        help="Energy of the run / its length, by the counters of all GPUs or processors of this machine.",
    ),
    Metric(
        "energy_j_per_request", "Energy per request", "J", "lower", 2,
        help="Energy of the run by the same counters / answered requests.",
    ),
    Metric(
        "flops_percent", "Compute used (MFU)", "%", "higher", 2,
        help="Useful operations per second / the most that the hardware can do.",
    ),
    Metric(
        "bandwidth_percent", "Memory bandwidth used", "%", None, 2,
        help="Bytes of weights and keys and values read per second / the most that the hardware can read.",
    ),
    Metric(
        "usd_per_1000_requests", "Cost per 1,000 requests", "$", "lower", 4,
        help="Price per hour x seconds of the run and of preparation / answered requests x 1,000.",
    ),
    Metric(
        "usd_per_million_tokens", "Cost per 1M tokens", "$", "lower", 3,
        help="Price per hour x hours of the run / (prompt + output tokens) x 1,000,000.",
    ),
    Metric(
        "quality", "Expected answers", "%", "higher", 1,
        help="Share of the expected answers that were given, by the prompt set's own rule.",
    ),
    Metric(
        "refusals", "Refusals", "", "lower", 0,
        help="Answers that begin with a phrase of refusal which the expected answer does not hold.",
    ),
    Metric("empty_answers", "Empty answers", "", "lower", 0, help="Answers of nothing but white space."),
    Metric(
        "same_output", "Same output", "%", "higher", 1, relative=True,
        help="Share of answers that equal the baseline's to the letter.",
    ),
    Metric(
        "similarity", "Similarity", "%", "higher", 1, relative=True,
        help="How alike an answer and the baseline's are on average: 1 - edit distance / length of the longer.",
    ),
    Metric(
        "step_same_output", "Same as the rung before", "%", "higher", 1, relative=True,
        help="Share of answers that equal those of the rung before to the letter.",
    ),
)  # fmt: skip
BY_TAG = {metric.tag: metric for metric in METRICS}
