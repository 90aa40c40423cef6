"""One run's requests -> its metrics, intervals, evidence and the reasons to distrust it. Pure.

Latency is counted from when a request was due. Failed requests have no latency; they are counted, they make the
run suspect, and their time stays in the cost of those that were answered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from app.analysis.cost import usd_per_1000_requests, usd_per_million_tokens
from app.analysis.engine_figures import engine_figures
from app.analysis.hardware_figures import Machine, hardware_figures
from app.analysis.metric import METRICS
from app.analysis.prediction import merged_predictions
from app.analysis.quality import empty_answers, expected_share, quality_interval, refusals
from app.analysis.scoring import DEFAULT_RULE
from app.analysis.statistics import distribution, median_interval
from app.replay.record import RequestRecord
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from optimizers.technique import Evidence, Observation
from optimizers.transform import PromptFigures

NS_PER_MS = 1e6
MAX_LATE_SHARE = 0.1
LATE_FLOOR_MS, LATE_CEILING_MS = 5.0, 50.0
MAX_FOREIGN_CPU = 0.1
CountedRecord = tuple[int, RequestRecord]
"""(segment, record)"""


@dataclass(frozen=True)
class Observed:
    """What was seen of the engine and of the client, over all segments of a run.

    `delta` is None without engine metrics. `cold_start` says how the prefix cache was made cold: "reset",
    "salt" or "unknown". `loop_lag_p99_ms` is None when it was not sampled. `foreign_cpu` is the share of all cores
    that other programs took, None when it cannot be told. `engine_log` and `checkpoint` are as in Observation.
    `prompts` is what each technique did to the prompts, and `saved_prompt_tokens` how many tokens they had before, None
    where none did anything. `prediction` is what the prompts let expect of the prefix cache, None where their tokens
    are not known. `queues` tells that requests that were due queued in the client, as an open loop without continuous
    batching means them to. The histories are counted as in runner.ReplayStats.
    """

    delta: Mapping[str, float] | None
    running: tuple[float, ...] = ()
    peak_in_flight: int = 0
    loop_lag_p99_ms: float | None = None
    cold_start: str = "reset"
    segments: int = 1
    foreign_cpu: float | None = None
    prompts: Mapping[str, PromptFigures] = field(default_factory=dict)
    saved_prompt_tokens: int | None = None
    engine_log: tuple[str, ...] = ()
    checkpoint: Mapping[str, float] = field(default_factory=dict)
    prediction: Mapping[str, float] | None = None
    queues: bool = False
    live_histories: int = 0
    saved_histories: int = 0
    kv_usage: tuple[float, ...] = ()
    machine: Machine = field(default_factory=Machine)

    @staticmethod
    def merge(parts: Sequence[Mapping[str, Any] | None]) -> Observed:
        """One observation from the segments' stored ones; None stands for a segment that was cut off."""
        whole = [part for part in parts if part is not None]
        if not whole:
            return Observed(None, segments=len(parts), cold_start="unknown")
        delta: defaultdict[str, float] = defaultdict(float)
        for part in whole:
            for name, value in (part.get("delta") or {}).items():
                delta[name] += value
        lags = [part["loop_lag_p99_ms"] for part in whole if part.get("loop_lag_p99_ms") is not None]
        foreign = [part["foreign_cpu"] for part in whole if part.get("foreign_cpu") is not None]
        # Preparation covers all prompts, whatever is left to send: the segments say the same of it.
        prepared = whole[-1].get("prompts") or {}
        colds = {part.get("cold_start", "unknown") for part in whole}
        return Observed(
            delta=dict(delta) if any(part.get("delta") is not None for part in whole) else None,
            running=tuple(value for part in whole for value in part.get("running", ())),
            kv_usage=tuple(value for part in whole for value in part.get("kv_usage", ())),
            peak_in_flight=max(part.get("peak_in_flight", 0) for part in whole),
            loop_lag_p99_ms=max(lags, default=None),
            cold_start=colds.pop() if len(colds) == 1 else "unknown",
            segments=len(parts),
            foreign_cpu=max(foreign, default=None),
            prompts={key: PromptFigures.from_json(found) for key, found in prepared.items()},
            saved_prompt_tokens=whole[-1].get("saved_prompt_tokens"),
            engine_log=tuple(dict.fromkeys(line for part in whole for line in part.get("engine_log", ()))),
            checkpoint={name: value for part in whole for name, value in part.get("checkpoint", {}).items()},
            prediction=merged_predictions([part.get("prediction") for part in whole]),
            queues=any(part.get("queues") for part in whole),
            live_histories=sum(part.get("live_histories", 0) for part in whole),
            saved_histories=sum(part.get("saved_histories", 0) for part in whole),
            machine=Machine.merge(parts),
        )


def summarise(
    records: Sequence[CountedRecord],
    observed: Observed,
    recipe: Recipe,
    expected: Mapping[int, str],
    price_per_hour: float | None = None,
    score: str = DEFAULT_RULE,
) -> dict[str, Any]:
    """The run's "metrics", "intervals", "evidence", "requests", "errors" and "suspect", ready for JSON.

    `score` is the rule by which an answer is the expected one.
    """
    requests = [record for _, record in records]
    answered = [record for record in requests if record.ok]
    duration_s = run_seconds(records)
    per_request = {
        **{tag: latencies_of(answered, tag) for tag in LATENCIES},
        "itl_ms": [gap for record in answered for gap in itl_ms(record)],
        "token_itl_ms": [gap for record in answered for gap in token_itl_ms(record)],
        "send_delay_ms": _values(send_delay_ms(record) for record in requests),
        "preparation_ms": [record.prepared_ns / NS_PER_MS for record in answered] if observed.prompts else [],
    }
    answers = {record.position: record.text for record in answered}
    prepared_s = sum(record.prepared_ns for record in answered) / 1e9
    charged_s = duration_s + prepared_s
    sent_tokens = _total(record.prompt_tokens for record in answered)
    output_tokens = _total(record.completion_tokens for record in answered)
    metrics: dict[str, Any] = {tag: distribution(values) for tag, values in per_request.items()}
    metrics |= {
        "requests_per_s": len(answered) / duration_s if duration_s and answered else None,
        "output_tokens_per_s": output_tokens / duration_s if duration_s and output_tokens else None,
        "prompt_tokens": sent_tokens if observed.saved_prompt_tokens is None else observed.saved_prompt_tokens,
        "sent_prompt_tokens": sent_tokens,
        "cached_tokens": _total(record.cached_tokens for record in answered),
        "output_tokens": output_tokens,
        "prompt_tokens_difference": _difference((r.client_prompt_tokens, r.prompt_tokens) for r in answered),
        "output_tokens_difference": _difference((r.client_completion_tokens, r.completion_tokens) for r in answered),
        **engine_figures(observed.delta, observed.running, observed.kv_usage),
        **hardware_figures(answered, observed.delta, observed.machine, duration_s),
        "preparation_share": 100 * prepared_s / charged_s if observed.prompts and charged_s else None,
        "usd_per_1000_requests": usd_per_1000_requests(price_per_hour, charged_s, len(answered)),
        "usd_per_million_tokens": usd_per_million_tokens(price_per_hour, charged_s, sent_tokens, output_tokens),
        "quality": expected_share(answers, expected, score),
        "refusals": refusals(answers, expected) if answers else None,
        "empty_answers": empty_answers(answers) if answers else None,
        **{metric.tag: None for metric in METRICS if metric.relative},
    }
    if metrics["cached_tokens"] is None:
        metrics["cached_tokens"] = _cached_by_engine(observed)
    intervals = {tag: median_interval(per_request[tag]) for tag in LATENCIES}
    intervals["quality"] = quality_interval(metrics["quality"], len(expected))
    return {
        "metrics": metrics,
        "intervals": {tag: None if found is None else found.to_json() for tag, found in intervals.items()},
        "evidence": [_evidence_json(item) for item in evidence(recipe, observed, duration_s)],
        "requests": len(requests),
        "errors": len(requests) - len(answered),
        "error_examples": sorted({record.error for record in requests if record.error})[:3],
        "seconds": duration_s,
        "histories": {"live": observed.live_histories, "saved": observed.saved_histories},
        "suspect": suspect_reasons(records, observed, metrics),
    }


def run_seconds(records: Sequence[CountedRecord]) -> float:
    """From the first request due to the last end, summed over segments: clocks of segments do not compare."""
    by_segment: defaultdict[int, list[RequestRecord]] = defaultdict(list)
    for segment, record in records:
        by_segment[segment].append(record)
    spans = (
        max(record.end_ns for record in part) - min(record.scheduled_ns for record in part)
        for part in by_segment.values()
    )
    return sum(spans) / 1e9


def ttft_ms(record: RequestRecord) -> float | None:
    first = record.first_token_ns
    return None if first is None else (first - record.scheduled_ns) / NS_PER_MS


def tpot_ms(record: RequestRecord) -> float | None:
    """(last - first) / (output tokens - 1), with the server's count; None for fewer than two tokens."""
    first, last, tokens = record.first_token_ns, record.last_token_ns, record.completion_tokens
    if first is None or last is None or tokens is None or tokens < 2:
        return None
    return (last - first) / (tokens - 1) / NS_PER_MS


def itl_ms(record: RequestRecord) -> list[float]:
    """The gaps between chunks with content, however many tokens a chunk holds."""
    times = record.token_ns
    return [(after - before) / NS_PER_MS for before, after in pairwise(times)]


def token_itl_ms(record: RequestRecord) -> list[float]:
    """The gaps between tokens; empty where a chunk may hold several, whose times are not known one by one.

    By the server's usage: as many tokens as chunks, or one more where the answer stopped at an end token, which has no
    text.
    """
    chunks, tokens = len(record.token_ns), record.completion_tokens
    silent = 1 if record.finish_reason == "stop" else 0
    return itl_ms(record) if tokens in (chunks, chunks + silent) else []


def e2e_ms(record: RequestRecord) -> float:
    return (record.end_ns - record.scheduled_ns) / NS_PER_MS


LATENCIES: Mapping[str, Callable[[RequestRecord], float | None]] = {
    "ttft_ms": ttft_ms,
    "tpot_ms": tpot_ms,
    "e2e_ms": e2e_ms,
}
"""The latencies of which a request has one each, and which people set limits to: metric -> how it is taken."""


def latencies_of(records: Iterable[RequestRecord], tag: str) -> list[float]:
    """That latency of each answered request that has it, in milliseconds."""
    return _values(LATENCIES[tag](record) for record in records if record.ok)


def send_delay_ms(record: RequestRecord) -> float | None:
    return None if record.sent_ns is None else (record.sent_ns - record.scheduled_ns) / NS_PER_MS


def evidence(recipe: Recipe, observed: Observed, seconds: float) -> list[Evidence]:
    seen = Observation(
        observed.delta,
        observed.running,
        observed.peak_in_flight,
        seconds,
        engine_log=observed.engine_log,
        checkpoint=observed.checkpoint,
        prediction=observed.prediction,
    )
    return [
        techniques().get(use.key).evidence(use.settings, replace(seen, prompts=observed.prompts.get(use.key)))
        for use in recipe.uses
    ]


def suspect_reasons(records: Sequence[CountedRecord], observed: Observed, metrics: Mapping[str, Any]) -> list[str]:
    """Why a reader should distrust this run; empty for a run in good order."""
    reasons = []
    failed = sum(not record.ok for _, record in records)
    if failed:
        reasons.append(f"{failed} of {len(records)} requests failed")
    if observed.segments > 1:
        reasons.append(f"it was interrupted and resumed ({observed.segments} parts, each with a cold cache)")
    if observed.cold_start == "unknown":
        reasons.append("the prefix cache could not be emptied before it")
    delay, ttft = metrics["send_delay_ms"]["p99"], metrics["ttft_ms"]["p50"]
    if delay is not None and delay > most_late_ms(ttft) and not observed.queues:
        reasons.append(f"requests left late (p99 {delay:.0f} ms): the client was too busy")
    if observed.loop_lag_p99_ms is not None and observed.loop_lag_p99_ms > most_late_ms(ttft):
        reasons.append(
            f"the client's event loop lagged (p99 {observed.loop_lag_p99_ms:.0f} ms): tokens are stamped that much late"
        )
    if observed.foreign_cpu is not None and observed.foreign_cpu > MAX_FOREIGN_CPU:
        reasons.append(f"other programs took {observed.foreign_cpu:.0%} of this machine's processors during it")
    differing = sum(_counts_differ(record) for _, record in records)
    if differing:
        reasons.append(f"Rung and the server count the prompt tokens of {differing} requests differently")
    return reasons


def most_late_ms(ttft_p50_ms: float | None) -> float:
    """How late a client may be before its run is suspect: a tenth of the median TTFT. Never less than 5 ms, which a
    shared processor costs now and then, nor more than 50 ms, which any inter-token latency would show."""
    if ttft_p50_ms is None:
        return LATE_CEILING_MS
    return min(LATE_CEILING_MS, max(LATE_FLOOR_MS, MAX_LATE_SHARE * ttft_p50_ms))


def _counts_differ(record: RequestRecord) -> bool:
    ours, theirs = record.client_prompt_tokens, record.prompt_tokens
    return ours is not None and theirs is not None and abs(ours - theirs) > max(2, 0.01 * theirs)


def _cached_by_engine(observed: Observed) -> int | None:
    if observed.delta is None:
        return None
    return int(observed.delta.get("vllm:prompt_tokens_cached_total", 0.0))


def _evidence_json(item: Evidence) -> dict[str, Any]:
    return {
        "technique": item.technique,
        "took_effect": item.took_effect,
        "detail": item.detail,
        "figures": dict(item.figures),
    }


def _values(found: Any) -> list[float]:
    return [value for value in found if value is not None]


def _difference(pairs: Iterable[tuple[int | None, int | None]]) -> int | None:
    """Rung's count less the server's, over the requests that both counted."""
    found = [ours - theirs for ours, theirs in pairs if ours is not None and theirs is not None]
    return sum(found) if found else None


def _total(found: Any) -> int | None:
    values = _values(found)
    return int(sum(values)) if values else None
