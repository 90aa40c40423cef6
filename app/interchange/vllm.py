"""`vllm bench serve --save-result` files. With --save-detailed they hold every request, else only aggregates.

Written against vLLM 0.32's vllm/benchmarks/serve.py and lib/endpoint_request_func.py. The file names no version.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from app.interchange.imported import ImportedRun, empty_metrics, last_line, needed, number
from app.replay.record import RequestRecord
from optimizers.errors import InputError

NS = 1e9
LISTS = ("ttfts", "itls", "input_lens", "output_lens", "errors")
NAMES = {"ttft_ms": "ttft", "tpot_ms": "tpot", "itl_ms": "itl", "e2e_ms": "e2el"}
NOTES = (
    "vLLM counts latency from when a request was sent, Rung from when it was due",
    "vLLM's first token is the first chunk with a choice, which may be empty; Rung's has text",
)


def is_vllm(document: Any) -> bool:
    return isinstance(document, Mapping) and {"request_throughput", "total_input_tokens", "completed"} <= set(document)


def read_vllm(document: Mapping[str, Any], where: str) -> list[ImportedRun]:
    completed = int(needed(document, "completed", where))
    failed = number(document, "failed", where)
    asked = completed + int(failed) if failed is not None else int(number(document, "num_prompts", where) or completed)
    if asked == 0:
        raise InputError(f"{where}: it holds no request")
    records = _records(document, where)
    notes = list(NOTES)
    if not records:
        notes.append("the file has no requests (--save-detailed keeps them), so there are no intervals")
    return [
        ImportedRun(
            label=str(document.get("label") or document.get("model_id") or "vllm bench serve"),
            tool="vllm bench serve",
            version=None,
            model=document.get("model_id"),
            requests=asked,
            errors=asked - completed,
            metrics=_metrics(document, where),
            records=records,
            notes=tuple(notes),
            load={name: document.get(name) for name in ("request_rate", "burstiness", "max_concurrency")},
        )
    ]


def _metrics(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    found = empty_metrics()
    for tag, name in NAMES.items():
        median = number(document, f"median_{name}_ms", where)
        half = number(document, f"p50_{name}_ms", where)
        found[tag] = {
            "mean": number(document, f"mean_{name}_ms", where),
            "p50": half if median is None else median,
            "p95": number(document, f"p95_{name}_ms", where),
            "p99": number(document, f"p99_{name}_ms", where),
        }
    found["requests_per_s"] = number(document, "request_throughput", where)
    found["output_tokens_per_s"] = number(document, "output_throughput", where)
    found["sent_prompt_tokens"] = number(document, "total_input_tokens", where)
    found["output_tokens"] = number(document, "total_output_tokens", where)
    return found


def _records(document: Mapping[str, Any], where: str) -> tuple[RequestRecord, ...]:
    """Empty without details, and without start times (older vLLM): then no rate could be told from them."""
    if "start_times" not in document or any(name not in document for name in LISTS):
        return ()
    lengths = {len(found) if isinstance(found := document[name], list) else -1 for name in (*LISTS, "start_times")}
    if len(lengths) != 1 or -1 in lengths:
        raise InputError(f"{where}: its lists of requests differ in length; the file is damaged")
    try:
        base = min(document["start_times"], default=0.0)
        return tuple(_record(document, at, base) for at in range(lengths.pop()))
    except (TypeError, ValueError, IndexError):
        raise InputError(f"{where}: a request in it has times or counts that are no numbers") from None


def _record(document: Mapping[str, Any], at: int, base: float) -> RequestRecord:
    sent = round((document["start_times"][at] - base) * NS)
    error = last_line(document["errors"][at])
    first = sent + round(document["ttfts"][at] * NS)
    times = () if error else tuple(accumulate((round(gap * NS) for gap in document["itls"][at]), initial=first))
    latencies, texts = document.get("latencies"), document.get("generated_texts")
    end = sent + round(latencies[at] * NS) if latencies else (times[-1] if times else sent)
    return RequestRecord(
        position=at,
        scheduled_ns=sent,
        sent_ns=sent,
        first_byte_ns=None,
        first_token_ns=times[0] if times else None,
        last_token_ns=times[-1] if times else None,
        end_ns=end,
        status=0 if error else 200,
        text="" if error or not texts else str(texts[at]),
        reasoning="",
        finish_reason=None,
        prompt_tokens=int(document["input_lens"][at]),
        cached_tokens=None,
        completion_tokens=None if error else int(document["output_lens"][at]),
        token_ns=times,
        error=error,
    )
