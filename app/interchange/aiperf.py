"""aiperf's files: profile_export_aiperf.json (aggregates) and profile_export.jsonl (a line for each request).

aiperf's inter-token latency is Rung's TPOT, its inter-chunk latency is Rung's ITL. Its own token counts are made with
the tokenizer that it was given; where the server reported usage, that counts. The lines of requests name no version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from app.interchange.imported import ImportedRun, empty_metrics, last_line, needed, number
from app.replay.record import RequestRecord
from optimizers.errors import InputError

MAJOR = "1"
NS_PER_MS = 1e6
DISTRIBUTIONS = {
    "ttft_ms": "time_to_first_token",
    "tpot_ms": "inter_token_latency",
    "itl_ms": "inter_chunk_latency",
    "e2e_ms": "request_latency",
}
NOTES = (
    "aiperf counts latency from when a request was sent, Rung from when it was due",
    "TPOT is what aiperf calls inter-token latency, ITL what it calls inter-chunk latency",
)


def is_aiperf(document: Any) -> bool:
    return isinstance(document, Mapping) and "aiperf_version" in document


def is_aiperf_lines(document: Any) -> bool:
    lines = document if isinstance(document, list) else [document]
    first = lines[0] if lines else None
    return isinstance(first, Mapping) and "metrics" in first and "request_start_ns" in (first.get("metadata") or {})


def read_aiperf(document: Any, where: str) -> list[ImportedRun]:
    if not is_aiperf(document):
        return [_of_lines(document if isinstance(document, list) else [document], where)]
    schema, version = str(document.get("schema_version", "")), str(document["aiperf_version"])
    if schema.partition(".")[0] != MAJOR:
        raise InputError(f"{where}: aiperf schema {schema} (version {version}); Rung reads schema {MAJOR}")
    answered = int(_figure(document, "request_count", "avg", where) or 0)
    failed = int(_figure(document, "error_request_count", "avg", where) or 0)
    if answered + failed == 0:
        raise InputError(f"{where}: it holds no request")
    models = ((document.get("input_config") or {}).get("models") or {}).get("items") or [{}]
    model = models[0].get("name")
    notes: tuple[str, ...] = (
        *NOTES,
        "the file has no requests (profile_export.jsonl has them), so there are no intervals",
    )
    if "total_usage_completion_tokens" in document:
        notes += ("aiperf's TPOT and output rate are by its own token count and are left out beside the server's",)
    return [
        ImportedRun(
            str(model or "aiperf"), "aiperf", version, model, answered + failed, failed, _metrics(document, where),
            notes=notes,
        )
    ]  # fmt: skip


def _metrics(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    found = empty_metrics()
    for tag, name in DISTRIBUTIONS.items():
        parts = {"mean": "avg", "p50": "p50", "p95": "p95", "p99": "p99"}
        found[tag] = {part: _figure(document, name, theirs, where, "ms") for part, theirs in parts.items()}
    server = "total_usage_completion_tokens" in document
    found["requests_per_s"] = _figure(document, "request_throughput", "avg", where)
    if not server:
        found["output_tokens_per_s"] = _figure(document, "output_token_throughput", "avg", where)
    found["sent_prompt_tokens"] = _figure(document, "total_usage_prompt_tokens", "avg", where)
    found["cached_tokens"] = _figure(document, "total_usage_prompt_cache_read_tokens", "avg", where)
    found["output_tokens"] = _figure(document, f"total_{'usage_completion_tokens' if server else 'osl'}", "avg", where)
    if server:
        # aiperf divides by its own token count, which is not the server's.
        found["tpot_ms"] = empty_metrics()["tpot_ms"]
    return found


def _figure(document: Mapping[str, Any], name: str, part: str, where: str, unit: str | None = None) -> float | None:
    metric = document.get(name)
    if metric is None:
        return None
    if not isinstance(metric, Mapping):
        raise InputError(f"{where}: {name} is no metric; the file is damaged")
    if unit is not None and metric.get("unit") != unit:
        raise InputError(f"{where}: {name} is in {metric.get('unit')}; Rung reads it in {unit}")
    return number(metric, part, f"{where}, {name}")


def _of_lines(lines: Sequence[Any], where: str) -> ImportedRun:
    try:
        measured = [line for line in lines if line["metadata"].get("benchmark_phase", "profiling") == "profiling"]
        measured.sort(key=lambda line: float(line["metadata"]["request_start_ns"]))
        base = measured[0]["metadata"]["request_start_ns"] if measured else 0
        records = tuple(_record(line, at, base, f"{where}, request {at + 1}") for at, line in enumerate(measured))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: a request in it lacks {error}; the file is damaged") from None
    if not records:
        raise InputError(f"{where}: it holds no request")
    failed = sum(not record.ok for record in records)
    notes = (*NOTES, "the file does not name the model or aiperf's version")
    return ImportedRun("requests", "aiperf", None, None, len(records), failed, empty_metrics(), records, notes)


def _record(line: Mapping[str, Any], at: int, base: int, where: str) -> RequestRecord:
    about, metrics = line["metadata"], line["metrics"]
    error = _error(line)

    def value(name: str) -> float | None:
        found = metrics.get(name)
        return None if found is None else number(found, "value", f"{where}, {name}")

    def tokens(*names: str) -> int | None:
        return next((int(found) for name in names if (found := value(name)) is not None), None)

    sent = int(needed(about, "request_start_ns", where)) - base
    ttft = value("time_to_first_token")
    first = None if ttft is None or error else sent + round(ttft * NS_PER_MS)
    gaps = (metrics.get("inter_chunk_latency") or {}).get("value") or []
    times = () if first is None else tuple(accumulate((round(gap * NS_PER_MS) for gap in gaps), initial=first))
    return RequestRecord(
        position=at,
        scheduled_ns=sent,
        sent_ns=sent,
        first_byte_ns=None,
        first_token_ns=first,
        last_token_ns=times[-1] if times else None,
        end_ns=int(needed(about, "request_end_ns", where)) - base,
        status=0 if error else 200,
        text="",
        reasoning="",
        finish_reason=None,
        prompt_tokens=tokens("usage_prompt_tokens"),
        cached_tokens=tokens("usage_prompt_cache_read_tokens"),
        completion_tokens=None if error else tokens("usage_completion_tokens", "output_sequence_length"),
        token_ns=times,
        error=error,
    )


def _error(line: Mapping[str, Any]) -> str | None:
    told = line.get("error")
    if told:
        return last_line(told.get("message") if isinstance(told, Mapping) else told) or "failed"
    return "cancelled" if line["metadata"].get("was_cancelled") else None
