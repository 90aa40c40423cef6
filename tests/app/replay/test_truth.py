"""What the client and the summary make of a server whose behaviour is known."""

from __future__ import annotations

from typing import Any

import pytest

from app.analysis.summary import Observed, itl_ms, summarise, token_itl_ms, tpot_ms
from app.replay.load import Schedule
from app.replay.record import RequestRecord
from benchmarks.client_replay import answered, questions, replayed
from optimizers.recipe import Recipe
from tests.fakes.launch import truth_server
from tests.fakes.truth import told
from tests.fakes.truth_plan import Behaviour


async def records_of(behaviour: Behaviour, count: int = 6, width: int = 3) -> list[RequestRecord]:
    with truth_server(behaviour) as url:
        return (await replayed(url, questions(count), Schedule("slots", width))).records


def summary(records: list[RequestRecord]) -> dict[str, Any]:
    return summarise([(0, record) for record in records], Observed(None), Recipe(), {})


async def test_ttft_is_at_the_first_token_and_not_at_the_role_chunk() -> None:
    for record in await records_of(Behaviour(ttft_ms=400, itl_ms=5, tokens=4)):
        said = told(record.text)
        assert record.sent_ns is not None
        assert record.first_byte_ns is not None
        assert record.first_token_ns is not None
        assert record.scheduled_ns <= record.sent_ns < said.read_ns < record.first_byte_ns
        assert record.first_byte_ns < said.written_ns[0] < record.first_token_ns


async def test_each_stamp_is_after_its_chunk_was_written_and_none_is_lost_with_jitter() -> None:
    behaviour = Behaviour(ttft_ms=20, itl_ms=4, tokens=12, ttft_jitter_ms=10, itl_jitter_ms=4)
    for record in await records_of(behaviour, count=12, width=6):
        written = told(record.text).written_ns
        assert len(written) == len(record.token_ns) == record.completion_tokens == 12
        assert all(sent < stamped for sent, stamped in zip(written, record.token_ns, strict=True))


async def test_gaps_between_chunks_are_not_taken_for_gaps_between_tokens() -> None:
    several = await records_of(Behaviour(ttft_ms=5, itl_ms=10, tokens=8, per_chunk=4))
    single = await records_of(Behaviour(ttft_ms=5, itl_ms=10, tokens=8))
    for record in several:
        assert (len(itl_ms(record)), token_itl_ms(record), record.completion_tokens) == (1, [], 8)
        # By tokens, of which the server says how many: not the chunks' gap, but a seventh of it.
        assert tpot_ms(record) == pytest.approx(itl_ms(record)[0] / 7)
    assert [len(token_itl_ms(record)) for record in single] == [7] * 6
    assert summary(several)["metrics"]["token_itl_ms"]["p50"] is None


@pytest.mark.parametrize("key", ["reasoning", "reasoning_content"])
async def test_reasoning_is_output_and_ttft_is_at_its_first_token(key: str) -> None:
    thinks = Behaviour(ttft_ms=10, itl_ms=2, tokens=6, reasoning=4, reasoning_key=key, stall_at=5, stall_ms=400)
    records = await records_of(thinks)
    for record in records:
        thought = told(record.reasoning)
        assert record.first_token_ns is not None
        assert thought.written_ns[0] < record.first_token_ns < int(record.text.split()[0])
        assert (thought.tokens, len(record.text.split()), len(record.token_ns)) == (4, 2, 6)
    assert summary(records)["metrics"]["output_tokens"] == 36


async def test_a_stall_is_the_longest_gap_where_it_was() -> None:
    for record in await records_of(Behaviour(ttft_ms=5, itl_ms=1, tokens=8, stall_at=5, stall_ms=500)):
        gaps = itl_ms(record)
        # The gap before the fifth chunk; written 500 ms apart, so stamped not much less.
        assert gaps.index(max(gaps)) == 3
        assert max(gaps) > 250


async def test_a_cut_stream_is_an_error_that_keeps_what_came_and_is_in_no_latency() -> None:
    records = await records_of(Behaviour(ttft_ms=5, itl_ms=2, tokens=8, cut_every=3, cut_at=4), count=9)
    cut = [record for record in records if not record.ok]
    assert len(cut) == 3
    assert all(str(record.error).endswith("after 3 chunks") for record in cut)
    assert all(len(record.text.split()) == 4 for record in cut)
    whole = [record for record in records if record.ok]
    found = summary(records)
    assert (found["requests"], found["errors"]) == (9, 3)
    assert found["suspect"][0] == "3 of 9 requests failed"
    for tag in ("ttft_ms", "itl_ms", "e2e_ms", "tpot_ms"):
        assert found["metrics"][tag] == summary(whole)["metrics"][tag]


@pytest.mark.parametrize(("status", "words"), [(429, "too many requests"), (503, "service unavailable")])
async def test_a_server_that_is_busy_fails_the_request_and_its_retry_after_is_kept(status: int, words: str) -> None:
    records = await records_of(Behaviour(ttft_ms=1, tokens=1, busy_every=2, busy_status=status, retry_after_s=7))
    refused = [record for record in records if not record.ok]
    assert [record.status for record in refused] == [status] * 3
    assert {record.error for record in refused} == {f"HTTP {status}: {words} (Retry-After: 7)"}
    assert summary(records)["errors"] == 3
    # Asked once each: trying again would hide the overload.
    assert len(records) == 6


async def test_more_at_once_than_the_server_takes() -> None:
    told_so = r"1 of 2 .*: HTTP 429: too many requests \(Retry-After: 2\)"
    with truth_server(Behaviour(ttft_ms=200, tokens=1, limit=1)) as url, pytest.raises(SystemExit, match=told_so):
        await answered(url, questions(2), Schedule("slots", 2))
