"""The server with known times, on the wire. What the client makes of it is in tests/app/replay/test_truth.py."""

from __future__ import annotations

import re
import selectors
import socket
import struct
import time
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from tests.fakes.client import chat, chunks, send
from tests.fakes.launch import truth_server
from tests.fakes.truth import told
from tests.fakes.truth_plan import Behaviour

CHAT = "/v1/chat/completions"
SO_TIMESTAMPNS = 35
REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"


def test_an_empty_role_chunk_then_tokens_that_say_when_they_were_written_then_usage() -> None:
    with truth_server(Behaviour(ttft_ms=20, itl_ms=5, tokens=6, per_chunk=2, reasoning=2)) as url:
        before = time.monotonic_ns()
        role, *tokens, usage = chunks(url, CHAT, chat())
    deltas = [chunk["choices"][0]["delta"] for chunk in tokens]
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [list(delta) for delta in deltas] == [["reasoning"], ["content"], ["content"]]
    said = told("".join(text for delta in deltas for text in delta.values()))
    assert before < said.read_ns < said.written_ns[0]
    assert said.written_ns[0] - said.read_ns >= 18_000_000
    assert all(after - before > 1_000_000 for before, after in pairwise(said.written_ns))
    assert (len(said.written_ns), said.tokens, usage["usage"]["completion_tokens"]) == (3, 6, 6)
    assert usage["usage"]["completion_tokens_details"] == {"reasoning_tokens": 2}
    assert [chunk["choices"][0]["finish_reason"] for chunk in tokens] == [None, None, "length"]


def test_it_says_how_many_it_answered_in_which_way() -> None:
    behaviour = Behaviour(ttft_ms=0, itl_ms=0, tokens=2, busy_every=2, busy_status=503, retry_after_s=9)
    with truth_server(behaviour) as url:
        assert [send(url, CHAT, {}).status for _ in range(5)] == [200, 503, 200, 503, 200]
        assert send(url, "/").json == {"whole": 3, "busy": 2}


def test_text_of_another_server_has_no_truth() -> None:
    with pytest.raises(ValueError, match="not written by the server with known times: 'word0 word1'"):
        told("word0 word1")


def test_a_chunk_is_on_the_wire_before_the_next_one_is_stamped() -> None:
    """By the kernel's own time of arrival, for 32 streams that are due together: no write waits for the loop's turn to
    end, which would make the stamps early."""
    with truth_server(Behaviour(ttft_ms=100, tokens=1)) as url:
        connections = [_connected(url) for _ in range(32)]
        ahead_ns = _clocks_apart_ns()
        for connection in connections:
            connection.sendall(REQUEST)
        seen = sorted(_stamp_and_arrival(connection, ahead_ns) for connection in connections)
        for connection in connections:
            connection.close()
    # The two clocks are brought together to some microseconds; a turn with 32 chunks takes hundreds.
    assert all(stamp - 20_000 < arrival < later + 20_000 for (stamp, arrival), (later, _) in pairwise(seen))


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    connection = socket.create_connection((str(parts.hostname), parts.port), timeout=10)
    connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return connection


def _clocks_apart_ns() -> int:
    """Wall clock less monotonic clock, by the quickest of some readings."""
    readings = []
    for _ in range(50):
        before, wall, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((after - before, wall - (before + after) // 2))
    return min(readings)[1]


def _stamp_and_arrival(connection: socket.socket, ahead_ns: int) -> tuple[int, int]:
    """What the only token says of its writing, and when the kernel had it for us."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        while selector.select(10):
            data, notes, _, _ = connection.recvmsg(65_536, 256)
            found = re.search(rb'"@\d+ (\d+) ', data)
            if found:
                seconds, rest = struct.unpack("qq", notes[0][2])
                return int(found[1]), seconds * 1_000_000_000 + rest - ahead_ns
    raise AssertionError("no token came")
