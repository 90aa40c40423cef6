"""Stored runs -> one JSON document, or CSV of requests or runs. Pure, but for the rows that it is handed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.analysis.metric import METRICS
from app.analysis.summary import e2e_ms, tpot_ms, ttft_ms
from app.csv_cell import safe_cell
from app.interchange.imported import STATISTICS
from app.interchange.rung import EXPORT_SCHEMA
from app.replay.record import RequestRecord

Run = tuple[Mapping[str, Any], Sequence[RequestRecord]]
"""(its rung.run/1 document, its requests)"""
REQUEST_COLUMNS = (
    "run_id", "position", "status", "error", "due_s", "ttft_ms", "tpot_ms", "e2e_ms", "prompt_tokens", "cached_tokens",
    "output_tokens", "finish_reason", "text",
)  # fmt: skip


def export_document(runs: Sequence[Run]) -> dict[str, Any]:
    """The runs with their requests under `records`; a single run stands by itself."""
    documents = [{**document, "records": [asdict(record) for record in records]} for document, records in runs]
    return documents[0] if len(documents) == 1 else {"schema": EXPORT_SCHEMA, "runs": documents}


def requests_csv(runs: Sequence[Run]) -> str:
    return _csv(
        REQUEST_COLUMNS, (_request(document, record, records) for document, records in runs for record in records)
    )


def runs_csv(runs: Sequence[Run]) -> str:
    """One row for each run; a distribution has a column for each statistic, and headers name the unit."""
    header = ["run_id", "label", "status", "requests", "errors", *_metric_columns()]
    return _csv(header, (_run(document) for document, _ in runs))


def _request(document: Mapping[str, Any], record: RequestRecord, beside: Sequence[RequestRecord]) -> list[Any]:
    return [
        document["run_id"],
        record.position,
        record.status,
        record.error,
        (record.scheduled_ns - beside[0].scheduled_ns) / 1e9,
        ttft_ms(record),
        tpot_ms(record),
        e2e_ms(record),
        record.prompt_tokens,
        record.cached_tokens,
        record.completion_tokens,
        record.finish_reason,
        record.text,
    ]


def _metric_columns() -> list[str]:
    columns = []
    for metric in METRICS:
        unit = f" ({metric.unit})" if metric.unit else ""
        columns += [f"{metric.tag} {part}{unit}" for part in STATISTICS] if metric.distribution else [metric.tag + unit]
    return columns


def _run(document: Mapping[str, Any]) -> list[Any]:
    cells = [document[name] for name in ("run_id", "label", "status", "requests", "errors")]
    for metric in METRICS:
        value = document["metrics"].get(metric.tag)
        cells += [(value or {}).get(part) for part in STATISTICS] if metric.distribution else [value]
    return cells


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """RFC 4180: CRLF, quotes where needed; what is missing is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    return text.getvalue()
