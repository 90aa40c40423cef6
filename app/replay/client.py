"""The streaming client: puts one request body on the wire and stamps what comes back.

Bodies are encoded before the clock starts and bytes are parsed after it stops; between, only stamps are taken, the
moment that the event loop hands the bytes over. HTTP/1.1 with connections that are kept, over TCP or TLS; no proxies,
no redirects.
"""

from __future__ import annotations

import asyncio
import resource
import ssl
from contextlib import suppress
from time import monotonic_ns
from typing import Self, cast
from urllib.parse import urlsplit

import httptools

from app.replay.record import Exchange
from optimizers.errors import InputError

CONNECT_TIMEOUT_S = 10.0
AT_ONCE = 64
"""Connections that are opened together; a server that is asked for more at once lets the rest wait a second."""
FILES = 16_384
Place = tuple[bool, str, int]
"""(TLS, host, port)"""


class Wire:
    """Connections of one replay, kept for as long as it lasts; `async with` closes them. There is no limit to how many
    are open at once: the schedule has one."""

    def __init__(self, idle_timeout_s: float, api_key: str | None) -> None:
        self.idle_timeout_s = idle_timeout_s
        self._key = f"Authorization: Bearer {api_key}\r\n" if api_key else ""
        self._idle: dict[Place, list[_Connection]] = {}
        self._heads: dict[str, tuple[Place, bytes]] = {}
        self._tls: ssl.SSLContext | None = None
        self._open: set[_Connection] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in [*self._open]:
            connection.close()

    def head(self, url: str) -> tuple[Place, bytes]:
        """Where a URL leads, and a request's head up to the length of its body."""
        known = self._heads.get(url)
        if known is None:
            parts = urlsplit(url)
            tls = parts.scheme == "https"
            host, port = parts.hostname or "", parts.port or (443 if tls else 80)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            head = (
                f"POST {path or '/'} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n{self._key}"
                "Content-Type: application/json\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
                "User-Agent: rung\r\nContent-Length: "
            )
            known = self._heads[url] = ((tls, host, port), head.encode("latin-1", "replace"))
        return known

    async def connection(self, place: Place) -> tuple[_Connection, bool]:
        """A connection, and whether it was used before. Raises OSError, TimeoutError or ssl.SSLError."""
        idle = self._idle.get(place)
        while idle:
            found = idle.pop()
            if found.is_open:
                return found, True
        return await self._new(place), False

    async def _new(self, place: Place) -> _Connection:
        tls, host, port = place
        if tls and self._tls is None:
            self._tls = ssl.create_default_context()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, made = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self), host, port, ssl=self._tls if tls else None
            )
        self._open.add(made)
        return made

    async def open_ahead(self, url: str, count: int) -> None:
        """Opens connections before the clock starts. What fails here fails again, and is told, when it is needed."""
        place, _ = self.head(url)
        for start in range(0, count, AT_ONCE):
            opened = (self._new(place) for _ in range(start, min(count, start + AT_ONCE)))
            for made in await asyncio.gather(*opened, return_exceptions=True):
                if isinstance(made, _Connection):
                    self.keep(place, made)

    def keep(self, place: Place, connection: _Connection) -> None:
        self._idle.setdefault(place, []).append(connection)

    def lost(self, connection: _Connection) -> None:
        self._open.discard(connection)


class _Connection(asyncio.Protocol):
    """One connection, one exchange at a time. The parser's callbacks are its own methods."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: Exchange | None = None
        self._pieces: list[bytes] = []
        self._framed = False
        self._done: asyncio.Future[str | None]
        self._watch: asyncio.TimerHandle | None = None
        self._seen_ns = 0
        self.is_open = False
        self.keeps = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports implement asyncio.Transport without inheriting from it.
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def start(self, request: bytes, exchange: Exchange) -> asyncio.Future[str | None]:
        """Sends; the future's result is None for a whole response, else what went wrong."""
        loop = asyncio.get_running_loop()
        self._exchange = exchange
        self._done = loop.create_future()
        self._seen_ns = exchange.sent_ns = monotonic_ns()
        self._transport.write(request)
        self._watch = loop.call_later(self._wire.idle_timeout_s, self._look)
        return self._done

    def close(self) -> None:
        self.is_open = False
        self._end("the connection was closed")
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        now = monotonic_ns()
        exchange = self._exchange
        if exchange is None:
            self.close()
            return
        self._seen_ns = now
        if not exchange.first_byte_ns:
            exchange.first_byte_ns = now
        problem = ""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            problem = f"the answer is not HTTP/1.1 ({error})"
        if self._pieces:
            # What one read brought has one stamp, however the server cut it.
            exchange.chunks.append((now, self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)))
            self._pieces.clear()
        if problem:
            self.is_open = False
            self._end(problem)
            self._transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in (b"content-length", b"transfer-encoding"):
            self._framed = True
        elif name == b"retry-after" and self._exchange is not None:
            self._exchange.retry_after = value.decode("latin-1")

    def on_message_begin(self) -> None:
        self._framed = False
        if self._exchange is None:
            # A second answer to one request: the connection is out of step.
            self.close()

    def on_headers_complete(self) -> None:
        if self._exchange is not None:
            self._exchange.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        if self._exchange is not None:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        if self._exchange is not None and self._exchange.status >= 200:
            self._exchange.end_ns = self._seen_ns
            self.keeps = self._parser.should_keep_alive()
            self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._wire.lost(self)
        exchange = self._exchange
        whole = exchange is not None and exchange.status and not self._framed and exc is None
        self._end(None if whole else f"the connection was lost ({type(exc).__name__ if exc else 'closed'})")

    def _end(self, error: str | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._exchange = None
        if hasattr(self, "_done") and not self._done.done():
            self._done.set_result(error)

    def _look(self) -> None:
        """One timer for a whole exchange, set again for as long as something keeps coming."""
        left_s = self._wire.idle_timeout_s - (monotonic_ns() - self._seen_ns) / 1e9
        if left_s > 0:
            self._watch = asyncio.get_running_loop().call_later(left_s, self._look)
            return
        self._watch = None
        self._end("nothing came for the whole idle time-out")
        self._transport.abort()


def open_wire(idle_timeout_s: float, api_key: str | None) -> Wire:
    """A stream silent for `idle_timeout_s` fails. Raises InputError for a key that cannot stand in a header."""
    if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
        raise InputError("the API key holds a line break or a letter that no HTTP header can hold; set it anew")
    _allow_files()
    return Wire(idle_timeout_s, api_key)


def _allow_files() -> None:
    """Each connection is an open file; the usual soft limit of 1,024 is for programs that use select, and this one does
    not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES:
        with suppress(OSError, ValueError):
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (FILES if hard == resource.RLIM_INFINITY else min(FILES, hard), hard)
            )


async def send(wire: Wire, url: str, body: bytes, exchange: Exchange) -> Exchange:
    """Sends `body` and fills `exchange` in. Network faults become its `error`; only cancellation is raised."""
    place, head = wire.head(url)
    request = b"%b%d\r\n\r\n%b" % (head, len(body), body)
    exchange.sent_ns = monotonic_ns()
    while True:
        try:
            connection, used = await wire.connection(place)
        except TimeoutError:
            exchange.error = "the connection timed out"
            break
        except OSError as error:
            exchange.error = f"could not connect: {error.strerror or error}"
            break
        done = connection.start(request, exchange)
        try:
            problem = await done
        except asyncio.CancelledError:
            connection.close()
            raise
        # The server may have closed a kept connection at the very moment that it was taken: it has read nothing.
        if problem is not None and used and not exchange.first_byte_ns and not connection.is_open:
            continue
        exchange.error = problem
        if problem is None and connection.is_open and connection.keeps:
            wire.keep(place, connection)
        elif connection.is_open:
            connection.close()
        break
    exchange.end_ns = exchange.end_ns or monotonic_ns()
    return exchange
