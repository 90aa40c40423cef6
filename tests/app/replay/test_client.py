"""The client's stamps and its words for every way a connection can fail."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web

from app.replay.client import open_wire, send
from app.replay.record import Exchange, RequestRecord
from app.replay.stream import parse_exchange
from tests.app.serving import fake_vllm_server, server, until

CHAT = "/v1/chat/completions"
BODY = json.dumps(
    {"messages": [{"role": "user", "content": "hi"}], "stream": True, "stream_options": {"include_usage": True}}
).encode()


async def exchanged(url: str, idle_timeout_s: float = 30.0, path: str = CHAT, key: str | None = None) -> Exchange:
    async with open_wire(idle_timeout_s, key) as wire:
        return await send(wire, url + path, BODY, Exchange(0, 1))


async def sent(url: str, idle_timeout_s: float = 30.0) -> RequestRecord:
    return parse_exchange(await exchanged(url, idle_timeout_s))


async def test_stamps_are_in_order() -> None:
    async with fake_vllm_server() as (url, _):
        found = await sent(url)
    assert found.ok
    assert found.completion_tokens == len(found.token_ns) == 16
    stamps = (found.scheduled_ns, found.sent_ns, found.first_byte_ns, *found.token_ns, found.end_ns)
    assert all(stamps)
    assert list(stamps) == sorted(stamp for stamp in stamps if stamp is not None)


async def test_the_first_token_is_no_role_chunk() -> None:
    async with fake_vllm_server(ttft_ms=60, role_lead_ms=60) as (url, _):
        found = await sent(url)
    assert found.first_byte_ns is not None
    assert found.first_token_ns is not None
    assert found.first_token_ns > found.first_byte_ns


async def test_the_key_goes_along_as_a_bearer() -> None:
    seen: list[str | None] = []

    async def listen(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(text="{}")

    async with server({CHAT: listen}) as url:
        await exchanged(url, key="secret")
        await exchanged(url)
    assert seen == ["Bearer secret", None]


async def test_a_silent_stream_is_given_up() -> None:
    async with fake_vllm_server(faults=frozenset({"stall"})) as (url, _):
        found = await sent(url, idle_timeout_s=0.2)
    assert found.error == "nothing came for the whole idle time-out, after 2 chunks"
    assert found.text


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with server({CHAT: hang}) as url:
        found = await sent(url, idle_timeout_s=0.2)
    assert found.error == "nothing came for the whole idle time-out"
    assert (found.status, found.first_byte_ns) == (0, None)


async def test_a_connection_that_is_cut() -> None:
    async with fake_vllm_server(faults=frozenset({"half_stream"})) as (url, _):
        found = await sent(url)
    assert str(found.error).startswith("the connection was lost (")
    assert str(found.error).endswith("after 2 chunks")
    assert found.text


async def test_nobody_listening() -> None:
    async with server({}) as url:
        pass
    found = await sent(url)
    assert str(found.error).startswith("could not connect: ")
    assert found.end_ns > (found.sent_ns or 0) > 0


async def test_a_server_that_speaks_no_tls() -> None:
    async with fake_vllm_server() as (url, _):
        found = await sent(url.replace("http://", "https://"))
    assert str(found.error).startswith("could not connect: ")


async def test_a_connection_is_kept_and_one_that_the_server_closed_is_replaced() -> None:
    peers: list[object] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        response = web.json_response({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})
        if len(peers) == 2:
            response.force_close()
        return response

    async with server({CHAT: answer}) as url, open_wire(5.0, None) as wire:
        records = [parse_exchange(await send(wire, url + CHAT, BODY, Exchange(at, 1))) for at in range(3)]
    assert [record.text for record in records] == ["hi"] * 3
    assert peers[0] == peers[1] != peers[2]


async def test_a_response_without_a_length_ends_with_its_connection() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\n\r\n{"choices": [{"text": "all", "finish_reason": "stop"}]}')
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        assert (await sent(f"http://127.0.0.1:{port}")).text == "all"


@pytest.mark.parametrize("fault", ["http_500", "http_400", "garbage"])
async def test_an_answer_that_is_none_is_an_error(fault: str) -> None:
    async with fake_vllm_server(faults=frozenset({fault})) as (url, _):
        found = await sent(url)
    assert not found.ok
    assert found.first_token_ns is None


async def test_cancelling_is_passed_on() -> None:
    async with fake_vllm_server(faults=frozenset({"stall"})) as (url, engine):
        task = asyncio.create_task(exchanged(url))
        await until(lambda: bool(engine.running), "the request runs")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not engine.running, "the engine has dropped the request")
