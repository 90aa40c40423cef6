"""HTTP as servers really speak it: cut anywhere, kept open, closed early, with and without a length, over TLS."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.replay.client import Wire, open_wire, send
from app.replay.record import Exchange, RequestRecord
from app.replay.stream import parse_exchange
from optimizers.errors import InputError
from tests.app.replay.wire import answer, events

PATH = "/v1/chat/completions"
STREAM = b"".join(events(answer()))
Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def chunked(*pieces: bytes) -> bytes:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


class Server:
    """Reads whole requests and answers each by `act`; counts the connections."""

    def __init__(self, act: Act) -> None:
        self._act = act
        self.url = ""
        self.connections = 0
        self.heads: list[bytes] = []
        self.open: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
                self.heads.append(head)
                await self._act(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def raw_server(act: Act, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(act)
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listening.close()
        await asyncio.wait(server.open)


def saying(*packets: bytes, close: bool = False) -> Act:
    """Writes the packets one by one, with the loop between them."""

    async def act(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for packet in packets:
            writer.write(packet)
            await asyncio.sleep(0.001)
        if close:
            writer.close()

    return act


async def ask(wire: Wire, server: Server) -> Exchange:
    return await send(wire, server.url + PATH, b"{}", Exchange(0, 1))


async def asked(server: Server, times: int = 1) -> list[RequestRecord]:
    async with open_wire(10, None) as wire:
        return [parse_exchange(await ask(wire, server)) for _ in range(times)]


async def test_an_answer_cut_into_single_bytes() -> None:
    whole = chunked(STREAM)
    async with raw_server(saying(*(whole[at : at + 1] for at in range(len(whole))))) as server:
        (found,) = await asked(server)
    assert (found.ok, found.text) == (True, "Hello big world")
    assert len(set(found.token_ns)) == 3


async def test_what_comes_in_one_read_has_one_stamp() -> None:
    async with raw_server(saying(chunked(*events(answer())))) as server, open_wire(10, None) as wire:
        exchange = await ask(wire, server)
    assert exchange.chunks == [(exchange.first_byte_ns, STREAM)]
    assert exchange.end_ns == exchange.first_byte_ns


async def test_a_connection_is_used_again() -> None:
    async with raw_server(saying(chunked(STREAM))) as server:
        found = await asked(server, times=3)
        assert [record.text for record in found] == ["Hello big world"] * 3
        assert server.connections == 1


async def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    async with raw_server(
        saying(chunked(STREAM).replace(b"\r\n", b"\r\nConnection: close\r\n", 1), close=True)
    ) as server:
        assert all(record.ok for record in await asked(server, times=3))
        assert server.connections == 3


async def test_a_server_that_closes_an_idle_connection_costs_no_request() -> None:
    async with (
        raw_server(saying(chunked(STREAM), close=True)) as server,
        open_wire(10, None) as wire,
    ):
        for _ in range(3):
            assert parse_exchange(await ask(wire, server)).ok
            await asyncio.sleep(0.02)


async def test_a_body_without_a_length_lasts_until_the_server_closes() -> None:
    async with raw_server(saying(b"HTTP/1.0 200 OK\r\n\r\n", STREAM, close=True)) as server:
        (found,) = await asked(server)
    assert found.ok


async def test_a_body_shorter_than_its_length_is_a_lost_connection() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(STREAM) + 1)
    async with raw_server(saying(head, STREAM, close=True)) as server:
        (found,) = await asked(server)
    assert str(found.error).startswith("the connection was lost (closed), after 3 chunks")


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]
)
async def test_what_is_not_http_is_told(said: bytes) -> None:
    async with raw_server(saying(said)) as server:
        (found,) = await asked(server)
    assert str(found.error).startswith("the answer is not HTTP/1.1 (")


async def test_an_interim_answer_is_passed_over() -> None:
    async with raw_server(saying(b"HTTP/1.1 100 Continue\r\n\r\n", chunked(STREAM))) as server:
        (found,) = await asked(server)
    assert (found.status, found.ok) == (200, True)


async def test_a_second_answer_to_one_request_ends_the_connection() -> None:
    async with raw_server(saying(chunked(STREAM) + chunked(b"data: other\n\n"))) as server:
        found = await asked(server, times=2)
        assert [record.text for record in found] == ["Hello big world"] * 2
        assert server.connections == 2


@pytest.mark.parametrize("status", [b"429 Too Many Requests", b"503 Service Unavailable"])
async def test_a_refusal_says_when_to_come_again(status: bytes) -> None:
    body = b'{"error": {"message": "busy"}}'
    refusal = b"HTTP/1.1 %b\r\nretry-after: 7\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
    async with raw_server(saying(refusal)) as server:
        found = await asked(server, times=2)
        assert {record.error for record in found} == {f"HTTP {status[:3].decode()}: busy (Retry-After: 7)"}
        assert (len(server.heads), server.connections) == (2, 1)


async def test_connections_opened_ahead_are_used() -> None:
    async with raw_server(saying(chunked(STREAM))) as server, open_wire(10, None) as wire:
        await wire.open_ahead(server.url, 3)
        assert all(parse_exchange(found).ok for found in await asyncio.gather(*(ask(wire, server) for _ in range(3))))
        assert server.connections == 3


async def test_opening_ahead_where_nobody_listens_is_no_fault() -> None:
    async with open_wire(10, None) as wire:
        await wire.open_ahead("http://127.0.0.1:9", 2)


def test_a_key_that_no_header_can_hold_is_refused() -> None:
    with pytest.raises(InputError, match="the API key holds a line break"):
        open_wire(10, "secret\n")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that signs itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rung test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "server.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


async def test_tls_is_spoken_where_the_certificate_is_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    async with raw_server(saying(chunked(STREAM)), tls) as server:
        (distrusted,) = await asked(server)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        trusted = await asked(server, times=2)
    assert "certificate verify failed" in str(distrusted.error)
    assert str(distrusted.error).startswith("could not connect: ")
    assert all(record.ok for record in trusted)


async def test_a_request_larger_than_the_sockets_buffer_arrives_whole() -> None:
    body = bytes(range(256)) * 40_000
    got = bytearray()

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.05)
        got.extend(await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0])))
        writer.write(chunked(STREAM))
        writer.close()
        await writer.wait_closed()

    listening = await asyncio.start_server(read, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}{PATH}"
    async with listening, open_wire(10, None) as wire:
        assert parse_exchange(await send(wire, url, body, Exchange(0, 1))).ok
    assert bytes(got) == body
