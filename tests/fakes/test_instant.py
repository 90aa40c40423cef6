"""The instant server keeps to HTTP/1.1 however requests are cut into packets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.fakes.client import chat, chunks, send
from tests.fakes.launch import instant_server

CHAT = "/v1/chat/completions"
STREAM_END = b"\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with instant_server() as url:
        yield url


def raw(url: str, *packets: bytes, answers: int) -> bytes:
    """What comes back on one connection until that many streams have ended, or the server closes it."""
    parts = urlsplit(url)
    received = b""
    with socket.create_connection((str(parts.hostname), parts.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for packet in packets:
            connection.sendall(packet)
        while received.count(STREAM_END) < answers:
            piece = connection.recv(65_536)
            if not piece:
                break
            received += piece
    return received


def post(body: bytes, *headers: str) -> bytes:
    head = "\r\n".join((f"POST {CHAT} HTTP/1.1", "Host: x", f"content-length: {len(body)}", *headers))
    return head.encode() + b"\r\n\r\n" + body


def test_chat_and_completions_streams(url: str) -> None:
    *tokens, usage = chunks(url, CHAT, chat())
    assert len(tokens) == 16
    assert all(chunk["choices"][0]["delta"]["content"] for chunk in tokens)
    assert usage["usage"]["completion_tokens"] == 16
    assert all(chunk["choices"][0]["text"] for chunk in chunks(url, "/v1/completions", {"prompt": "x"})[:-1])


def test_the_other_paths(url: str) -> None:
    assert send(url, "/health").status == 200
    assert send(url, "/v1/models").json["data"][0]["id"] == "instant"
    assert send(url, "/metrics").status == 404


def test_as_many_chunks_as_asked_for() -> None:
    with instant_server(chunks=3) as url:
        assert len(chunks(url, CHAT, chat())) == 3


def test_pipelined_requests_in_one_packet_are_all_answered(url: str) -> None:
    received = raw(url, post(b"{}") * 5, answers=5)
    assert received.count(b"HTTP/1.1 200 OK") == 5


def test_a_request_in_single_bytes_is_answered_once(url: str) -> None:
    request = post(b'{"a": "\r\n\r\n"}')
    received = raw(url, *(bytes([byte]) for byte in request), post(b""), answers=2)
    assert received.count(b"HTTP/1.1 200 OK") == 2


def test_a_body_larger_than_a_packet_is_no_request(url: str) -> None:
    body = b"POST / HTTP/1.1\r\n\r\n" * 20_000
    received = raw(url, post(body), post(b"{}", "Connection: close"), answers=3)
    assert received.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize("headers", [b"Transfer-Encoding: chunked", b"Host: x"])
def test_a_body_of_unknown_length_is_refused_and_the_connection_closed(url: str, headers: bytes) -> None:
    received = raw(url, b"POST / HTTP/1.1\r\n" + headers + b"\r\n\r\n", answers=1)
    assert received.startswith(b"HTTP/1.1 400 ")
