"""Every request of a run with all latencies that follow from its stamps, as rows for a table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from app.analysis.summary import (
    NS_PER_MS,
    CountedRecord,
    e2e_ms,
    itl_ms,
    send_delay_ms,
    token_itl_ms,
    tpot_ms,
    ttft_ms,
)
from app.replay.record import RequestRecord


@dataclass(frozen=True)
class TimedRequest:
    """One request. `due_s` counts from the first request due in its segment; latencies count from when it was due, but
    `ttft_from_sent_ms`, which leaves the client's own delay out. The two ITLs are means over the answer; None is what
    was never reached or is not known. A request that failed keeps the latencies that it reached."""

    position: int
    segment: int
    error: str | None
    due_s: float
    send_delay_ms: float | None
    ttft_ms: float | None
    ttft_from_sent_ms: float | None
    tpot_ms: float | None
    itl_ms: float | None
    token_itl_ms: float | None
    e2e_ms: float
    preparation_ms: float
    prompt_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    client_prompt_tokens: int | None
    client_output_tokens: int | None
    chunks: int
    finish_reason: str | None


def request_rows(records: Sequence[CountedRecord]) -> list[TimedRequest]:
    """In the order that is given."""
    began: dict[int, int] = {}
    for segment, record in records:
        began[segment] = min(began.get(segment, record.scheduled_ns), record.scheduled_ns)
    return [_row(segment, record, began[segment]) for segment, record in records]


def _row(segment: int, record: RequestRecord, began_ns: int) -> TimedRequest:
    first, sent = record.first_token_ns, record.sent_ns
    return TimedRequest(
        position=record.position,
        segment=segment,
        error=record.error,
        due_s=(record.scheduled_ns - began_ns) / 1e9,
        send_delay_ms=send_delay_ms(record),
        ttft_ms=ttft_ms(record),
        ttft_from_sent_ms=None if first is None or sent is None else (first - sent) / NS_PER_MS,
        tpot_ms=tpot_ms(record),
        itl_ms=_mean(itl_ms(record)),
        token_itl_ms=_mean(token_itl_ms(record)),
        e2e_ms=e2e_ms(record),
        preparation_ms=record.prepared_ns / NS_PER_MS,
        prompt_tokens=record.prompt_tokens,
        cached_tokens=record.cached_tokens,
        output_tokens=record.completion_tokens,
        client_prompt_tokens=record.client_prompt_tokens,
        client_output_tokens=record.client_completion_tokens,
        chunks=len(record.token_ns),
        finish_reason=record.finish_reason,
    )


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
