"""The streaming client: puts one request body on the wire and stamps what comes back.

Bodies are encoded before the clock starts and bytes are parsed after it stops; between, only stamps are taken.
"""

from __future__ import annotations

import asyncio
from time import monotonic_ns

import aiohttp

from app.replay.record import Exchange

CONNECT_TIMEOUT_S = 10.0
BUSY = (429, 503)


def open_session(limit: int, idle_timeout_s: float, api_key: str | None) -> aiohttp.ClientSession:
    """A session with room for `limit` open requests; a stream silent for `idle_timeout_s` fails."""
    headers = {"Content-Type": "application/json"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit, ttl_dns_cache=600),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=idle_timeout_s),
        headers=headers,
        auto_decompress=False,
        raise_for_status=False,
    )


async def send(session: aiohttp.ClientSession, url: str, body: bytes, exchange: Exchange) -> Exchange:
    """Sends `body` and fills `exchange` in. Network faults become its `error`; only cancellation is raised."""
    chunks = exchange.chunks
    exchange.sent_ns = monotonic_ns()
    try:
        async with session.post(url, data=body) as response:
            exchange.first_byte_ns = monotonic_ns()
            exchange.status = response.status
            if exchange.status in BUSY:
                exchange.retry_after = response.headers.get("Retry-After")
            read = response.content.readany
            while chunk := await read():
                chunks.append((monotonic_ns(), chunk))
    except aiohttp.SocketTimeoutError:
        exchange.error = "nothing came for the whole idle time-out"
    except TimeoutError:
        exchange.error = "the connection timed out"
    except aiohttp.ClientConnectorError as error:
        exchange.error = f"could not connect: {error.os_error.strerror or error.os_error}"
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
        exchange.error = f"the connection was lost ({type(error).__name__})"
    exchange.end_ns = monotonic_ns()
    return exchange
