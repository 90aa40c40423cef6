"""A request's latencies, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.analysis.requests import request_rows
from tests.building import record


def test_a_request_by_hand() -> None:
    late = record(
        1, due_ms=1500, ttft_ms=100, tpot_ms=10, tokens=3, prompt_tokens=50, cached_tokens=16, send_delay_ms=40
    )
    _, row = request_rows([(0, record(0, due_ms=1000)), (0, replace(late, prepared_ns=7_000_000))])
    assert (row.position, row.error, row.chunks, row.finish_reason) == (1, None, 3, "stop")
    assert row.due_s == pytest.approx(0.5)
    assert (row.send_delay_ms, row.ttft_ms, row.ttft_from_sent_ms) == pytest.approx((40, 100, 60))
    assert (row.tpot_ms, row.itl_ms, row.token_itl_ms, row.e2e_ms) == pytest.approx((10, 10, 10, 120))
    assert row.preparation_ms == 7
    assert (row.prompt_tokens, row.cached_tokens, row.output_tokens) == (50, 16, 3)


def test_what_was_never_reached_is_none() -> None:
    (row,) = request_rows([(0, replace(record(error="HTTP 500: no"), sent_ns=None))])
    assert (row.ttft_ms, row.ttft_from_sent_ms, row.tpot_ms, row.itl_ms, row.send_delay_ms) == (None,) * 5
    assert row.error == "HTTP 500: no"


def test_chunks_of_several_tokens_have_no_gap_between_tokens() -> None:
    (row,) = request_rows([(0, replace(record(tokens=3), completion_tokens=9))])
    assert row.itl_ms == pytest.approx(10)
    assert row.token_itl_ms is None


def test_each_segment_has_its_own_clock() -> None:
    rows = request_rows([(0, record(0, due_ms=9000)), (1, record(1, due_ms=50)), (1, record(2, due_ms=250))])
    assert [row.due_s for row in rows] == pytest.approx([0, 0, 0.2])
