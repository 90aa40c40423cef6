"""GuideLLM's benchmarks.json, schema 2 (GuideLLM 0.8): one run for each benchmark in it.

GuideLLM's names differ from the field's: its inter-token latency is Rung's TPOT, (last - first) / (tokens - 1); its
time per output token has the first token in it and has no counterpart here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.interchange.imported import ImportedRun, empty_metrics, last_line, needed, number
from app.replay.record import RequestRecord
from optimizers.errors import InputError

SCHEMA = 2
NS = 1e9
DISTRIBUTIONS = {
    "ttft_ms": ("time_to_first_token_ms", 1.0),
    "tpot_ms": ("inter_token_latency_ms", 1.0),
    "e2e_ms": ("request_latency", 1000.0),
}
NOTES = (
    "GuideLLM counts latency from when a request was sent, Rung from when it was due",
    "TPOT is what GuideLLM calls inter-token latency; gaps between single tokens are not in its file",
)


def is_guidellm(document: Any) -> bool:
    return isinstance(document, Mapping) and "benchmarks" in document and "guidellm_version" in _metadata(document)


def _metadata(document: Mapping[str, Any]) -> Mapping[str, Any]:
    found = document.get("metadata")
    return found if isinstance(found, Mapping) else {}


def read_guidellm(document: Mapping[str, Any], where: str) -> list[ImportedRun]:
    metadata = _metadata(document)
    schema, version = metadata.get("version"), metadata.get("guidellm_version")
    if schema != SCHEMA:
        raise InputError(f"{where}: GuideLLM schema {schema} (version {version}); Rung reads schema {SCHEMA}")
    if not document["benchmarks"]:
        raise InputError(f"{where}: it holds no benchmark")
    try:
        return [
            _benchmark(each, str(version), f"{where}, benchmark {at}")
            for at, each in enumerate(document["benchmarks"], 1)
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: a benchmark in it lacks {error}; the file is damaged") from None


def _benchmark(benchmark: Mapping[str, Any], version: str, where: str) -> ImportedRun:
    totals = benchmark["metrics"]["request_totals"]
    answered, failed = int(needed(totals, "successful", where)), int(needed(totals, "errored", where))
    if answered + failed == 0:
        raise InputError(f"{where}: it holds no request")
    strategy = benchmark["config"]["strategy"]
    kept = [*benchmark["requests"]["successful"], *benchmark["requests"]["errored"]]
    whole = len(kept) == answered + failed
    notes = list(NOTES)
    if not whole:
        notes.append("the file keeps only some of the requests, so there are no intervals")
    if totals.get("incomplete"):
        notes.append(f"{totals['incomplete']} requests were cut off when the benchmark ended; they are not counted")
    return ImportedRun(
        label=_label(strategy),
        tool="GuideLLM",
        version=version,
        model=None,
        requests=answered + failed,
        errors=failed,
        metrics=_metrics(benchmark["metrics"], where),
        records=_records(kept, where) if whole else (),
        notes=tuple(notes),
        load={name: strategy.get(name) for name in ("type_", "streams", "rate", "max_concurrency")},
    )


def _label(strategy: Mapping[str, Any]) -> str:
    size = strategy.get("streams") or strategy.get("rate")
    return f"{strategy.get('type_', 'benchmark')}{f' {size:g}' if isinstance(size, int | float) else ''}"


def _metrics(metrics: Mapping[str, Any], where: str) -> dict[str, Any]:
    found = empty_metrics()
    for tag, (name, scale) in DISTRIBUTIONS.items():
        answered = metrics[name]["successful"]
        if answered["count"]:
            shares = answered["percentiles"]
            values = {"mean": answered["mean"]} | {part: shares.get(part) for part in ("p50", "p95", "p99")}
            found[tag] = {part: None if (v := number(values, part, where)) is None else v * scale for part in values}
    found["requests_per_s"] = number(metrics["requests_per_second"]["successful"], "mean", where)
    found["output_tokens_per_s"] = number(metrics["output_tokens_per_second"]["successful"], "mean", where)
    for tag, name in (("sent_prompt_tokens", "prompt_token_count"), ("output_tokens", "output_token_count")):
        if metrics[name]["successful"]["count"]:
            found[tag] = number(metrics[name]["successful"], "total_sum", where)
    return found


def _records(requests: list[Mapping[str, Any]], where: str) -> tuple[RequestRecord, ...]:
    begun = [request for request in requests if request["info"]["timings"].get("request_start") is not None]
    if not begun:
        return ()
    base = min(request["info"]["timings"]["request_start"] for request in begun)
    ordered = sorted(begun, key=lambda request: float(request["info"]["timings"]["request_start"]))
    return tuple(_record(request, at, base, where) for at, request in enumerate(ordered))


def _record(request: Mapping[str, Any], at: int, base: float, where: str) -> RequestRecord:
    info, timings = request["info"], request["info"]["timings"]
    error = None if info["status"] == "completed" else last_line(info.get("error")) or str(info["status"])

    def stamp(name: str) -> int | None:
        value = number(timings, name, where)
        return None if value is None else round((value - base) * NS)

    sent = round((needed(timings, "request_start", where) - base) * NS)
    end = stamp("request_end")
    prompt, cached, output = (number(request, f"{name}_tokens", where) for name in ("prompt", "cached", "output"))
    return RequestRecord(
        position=at,
        scheduled_ns=sent,
        sent_ns=sent,
        first_byte_ns=stamp("first_request_iteration"),
        first_token_ns=None if error else stamp("first_token_iteration"),
        last_token_ns=None if error else stamp("last_token_iteration"),
        end_ns=sent if end is None else end,
        status=0 if error else 200,
        text="" if error else str(request.get("output") or ""),
        reasoning=str(request.get("reasoning_output") or ""),
        finish_reason=None,
        prompt_tokens=None if prompt is None else int(prompt),
        cached_tokens=None if cached is None else int(cached),
        completion_tokens=None if output is None or error else int(output),
        token_ns=(),
        error=error,
    )
