"""What becomes of a finished exchange's bytes: text, stamps, counts, and every way an answer can go wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.replay.record import Exchange
from app.replay.stream import parse_exchange
from tests.app.replay.wire import USAGE, answer, cut, delta, event, events, exchange
from tests.fakes import engine_wire

CHAT = b"".join(events(answer()))
CRLF = CHAT.replace(b"\n", b"\r\n")
DONE = engine_wire.DONE


def test_a_chat_stream_read_chunk_by_chunk() -> None:
    found = parse_exchange(exchange(*events(answer())))
    assert found.ok
    assert (found.position, found.text, found.finish_reason) == (7, "Hello big world", "stop")
    assert (found.prompt_tokens, found.cached_tokens, found.completion_tokens) == (9, 8, 3)
    assert (found.scheduled_ns, found.sent_ns, found.first_byte_ns, found.end_ns) == (900, 1000, 1500, 3000)
    # The role chunk at 2,000 has no content: it is the first byte, not the first token.
    assert found.token_ns == (2001, 2002, 2003)
    assert (found.first_token_ns, found.last_token_ns) == (2001, 2003)


def test_a_completions_stream() -> None:
    found = parse_exchange(exchange(*events(answer(chat=False))))
    assert found.ok
    assert found.text == "Hello big world"
    assert found.token_ns == (2000, 2001, 2002)


@pytest.mark.parametrize("key", ["reasoning", "reasoning_content"])
def test_reasoning_is_kept_apart_and_counts_as_tokens(key: str) -> None:
    found = parse_exchange(exchange(*events(answer(reasoning=2, reasoning_key=key))))
    assert found.ok
    assert (found.reasoning, found.text) == ("Hello big", " world")
    assert found.first_token_ns == 2001
    assert len(found.token_ns) == 3


def test_several_tokens_in_one_read_share_its_stamp() -> None:
    role, *rest = events(answer())
    found = parse_exchange(exchange(role, b"".join(rest)))
    assert found.token_ns == (2001, 2001, 2001)
    assert found.text == "Hello big world"


def test_several_tokens_in_one_event_are_one_arrival() -> None:
    found = parse_exchange(exchange(engine_wire.sse(engine_wire.step_chunk(answer(), 0, 3)), DONE))
    assert found.text == "Hello big world"
    assert found.token_ns == (2000,)


@pytest.mark.parametrize("body", [CHAT, CRLF], ids=["lf", "crlf"])
def test_a_stream_cut_at_any_byte_reads_the_same(body: bytes) -> None:
    whole = parse_exchange(exchange(body))
    assert whole.text == "Hello big world"
    for place in range(1, len(body)):
        found = parse_exchange(exchange(body[:place], body[place:]))
        assert replace(found, token_ns=(), first_token_ns=0, last_token_ns=0) == replace(
            whole, token_ns=(), first_token_ns=0, last_token_ns=0
        ), place


@given(st.lists(st.integers(1, len(CHAT) - 1), max_size=40))
def test_a_token_is_stamped_by_the_read_that_completed_its_event(places: list[int]) -> None:
    chunks = cut(CHAT, places)
    found = parse_exchange(exchange(*chunks))
    ends, sent = [], 0
    for one in events(answer()):
        sent += len(one)
        ends.append(sent)
    read, total = [], 0
    for chunk in chunks:
        total += len(chunk)
        read.append(total)
    expected = tuple(2000 + next(at for at, seen in enumerate(read) if seen >= end) for end in ends[1:4])
    assert found.token_ns == expected
    assert found.ok


def test_comments_event_names_and_bare_data_lines_are_understood() -> None:
    body = b': ping\n\nevent: message\nid: 1\ndata:{"choices":[{"delta":{"content":"Hi"}}]}\n\n: ping\n\n'
    found = parse_exchange(exchange(body, DONE))
    assert (found.text, found.error) == ("Hi", None)


def test_an_event_in_several_data_lines_is_one() -> None:
    body = b'data: {"choices":\ndata: [{"delta":{"content":"Hi"}}]}\n\n'
    assert parse_exchange(exchange(body, DONE)).text == "Hi"


def test_text_beyond_ascii_survives_a_cut_inside_a_character() -> None:
    body = event({"choices": [{"delta": {"content": "naïve ☃"}}]}).replace(rb"\u00ef", "ï".encode())
    body = body.replace(rb"\u2603", "☃".encode())
    place = body.index("☃".encode()) + 1
    assert parse_exchange(exchange(body[:place], body[place:], DONE)).text == "naïve ☃"


def test_a_whole_answer_in_one_json_body() -> None:
    body = json.dumps(engine_wire.whole(answer())).encode()
    found = parse_exchange(exchange(*cut(body, [40, 90])))
    assert (found.text, found.finish_reason, found.error) == ("Hello big world", "stop", None)
    assert found.completion_tokens == 3
    assert found.token_ns == (2002,)
    text = json.dumps(engine_wire.whole(answer(chat=False)), indent=1).encode() + b"\n"
    assert parse_exchange(exchange(text)).text == "Hello big world"


def test_usage_that_is_missing_is_unknown_and_not_zero() -> None:
    found = parse_exchange(exchange(*events(answer(), usage=False)))
    assert found.ok
    assert (found.prompt_tokens, found.cached_tokens, found.completion_tokens) == (None, None, None)
    assert parse_exchange(exchange(*events(answer(cached_tokens=None)))).cached_tokens is None
    assert parse_exchange(exchange(*events(answer(cached_tokens=0)))).cached_tokens == 0


@pytest.mark.parametrize(
    "details", [None, 5, [], {"cached_tokens": None}, {"cached_tokens": "8"}, {"cached_tokens": -1}]
)
def test_usage_details_of_another_shape_are_unknown(details: Any) -> None:
    usage = USAGE | {"prompt_tokens_details": details}
    found = parse_exchange(exchange(delta(content="Hi"), event({"choices": [], "usage": usage}), DONE))
    assert (found.prompt_tokens, found.cached_tokens, found.error) == (9, None, None)


def test_a_server_without_a_done_line_ends_with_its_finish_reason() -> None:
    assert parse_exchange(exchange(*events(answer())[:-1])).ok


def test_half_a_stream_is_an_error_that_keeps_what_came() -> None:
    found = parse_exchange(exchange(*events(answer())[:3]))
    assert found.error == "the stream ended after 2 chunks, before the answer was finished"
    assert found.text == "Hello big"
    assert found.token_ns == (2001, 2002)


def test_half_an_event_is_half_a_stream_and_no_garbage() -> None:
    role, first, second, *_ = events(answer())
    found = parse_exchange(exchange(role, first, second[: len(second) // 2]))
    assert found.error == "the stream ended after 1 chunks, before the answer was finished"
    assert found.text == "Hello"


def test_no_body_at_all_is_an_error() -> None:
    assert parse_exchange(exchange()).error == "the stream ended after 0 chunks, before the answer was finished"
    assert parse_exchange(exchange(b": ping\n\n")).error is not None


@pytest.mark.parametrize(
    "garbage",
    [
        b"data: <html>502 Bad Gateway</html>\n\n",
        b"data: \xff\xfe\x00\n\n",
        b'data: {"choices": [\n\n',
        b"data: [1, 2]\n\n",
        b"data: 5\n\n",
        b'data: {"choices": 5}\n\n',
        b'data: {"choices": [5]}\n\n',
        b'data: {"choices": [{"delta": "text"}]}\n\n',
        b'data: {"choices": [{"delta": {"content": ["a", "b"]}}]}\n\n',
        b"data: " + b"[" * 50_000 + b"\n\n",
        b"<html>hello</html>",
    ],
)
def test_garbage_is_told_as_such_on_one_line(garbage: bytes) -> None:
    found = parse_exchange(exchange(garbage, DONE))
    assert found.error is not None
    assert "\n" not in found.error
    assert len(found.error) < 500
    assert not found.ok


def test_an_error_in_mid_stream_keeps_what_came_before() -> None:
    role, first, *_ = events(answer())
    body = event({"error": {"message": "CUDA out of\nmemory", "code": 500}})
    found = parse_exchange(exchange(role, first, body, DONE))
    assert found.error == "the server stopped in mid-stream: CUDA out of memory"
    assert found.text == "Hello"


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, json.dumps(engine_wire.too_long(512, 600)), "HTTP 400: This model's maximum context length is 512"),
        (404, '{"detail": "Not Found"}', "HTTP 404: Not Found"),
        (422, '{"error": "no\\nsuch model"}', "HTTP 422: no such model"),
        (401, '{"message": "key?"}', "HTTP 401: key?"),
        (500, '"boom"', "HTTP 500: boom"),
        (502, "<html>\n <body>Bad\n Gateway</body>\n</html>", "HTTP 502: <html> <body>Bad Gateway</body> </html>"),
        (503, "", "HTTP 503: no reason given"),
        (500, "[" * 50_000, "HTTP 500: [["),
    ],
)
def test_an_http_error_gives_the_servers_reason(status: int, body: str, message: str) -> None:
    found = parse_exchange(exchange(body.encode(), status=status))
    assert str(found.error).startswith(message)
    assert "\n" not in str(found.error)
    assert len(str(found.error)) < 400
    assert (found.status, found.first_token_ns, found.text) == (status, None, "")


def test_a_lost_connection_keeps_its_reason_and_what_came() -> None:
    role, first, *_ = events(answer())
    found = parse_exchange(exchange(role, first, error="the connection was lost (ClientPayloadError)"))
    assert found.error == "the connection was lost (ClientPayloadError), after 1 chunks"
    assert found.text == "Hello"
    nothing = parse_exchange(Exchange(7, 900, 1000, 0, 3000, 0, "could not connect: refused"))
    assert nothing.error == "could not connect: refused"
    assert (nothing.first_byte_ns, nothing.first_token_ns) == (None, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "message", "content", "text", "usage", "error", "finish_reason"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
PIECES = st.binary(max_size=40) | JSON.map(event) | st.sampled_from([DONE, *events(answer())])


@given(st.lists(PIECES, max_size=6), st.sampled_from([0, 200, 400, 503]), st.none() | st.just("lost"))
def test_whatever_a_server_sends_becomes_a_record(pieces: list[bytes], status: int, error: str | None) -> None:
    found = parse_exchange(exchange(*pieces, status=status, error=error))
    assert found.ok or found.error
    assert status == 200 or not found.ok
    assert error is None or not found.ok
    assert "\n" not in (found.error or "")
    assert list(found.token_ns) == sorted(found.token_ns)
    assert isinstance(found.text, str)
