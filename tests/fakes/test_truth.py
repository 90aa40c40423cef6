"""The server with known times, through the client that it is there to judge."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.replay.load import Schedule
from benchmarks.client_truth import questions, replayed, truths
from tests.fakes.launch import truth_server


async def test_each_chunk_says_when_it_was_written_and_the_role_chunk_is_no_token() -> None:
    with truth_server(20.0, 5.0, 4) as url:
        records = await replayed(url, questions(6), Schedule("slots", 3))
    for record in records:
        written = truths(record)
        assert len(written) == record.completion_tokens == len(record.token_ns) == 4
        assert record.first_byte_ns is not None
        assert record.first_token_ns is not None
        assert record.first_byte_ns < written[0] <= record.first_token_ns
        assert all(sent <= stamped for sent, stamped in zip(written, record.token_ns, strict=True))
        assert written[0] - record.scheduled_ns >= 20_000_000
        assert all(after - before > 1_000_000 for before, after in pairwise(written))


async def test_a_server_that_is_too_busy_fails_the_request_and_says_when_to_come_again() -> None:
    told = r"1 of 2 .*: HTTP 429: too many requests \(Retry-After: 2\)"
    with truth_server(200.0, 0.0, 1, limit=1) as url, pytest.raises(SystemExit, match=told):
        await replayed(url, questions(2), Schedule("slots", 2))
