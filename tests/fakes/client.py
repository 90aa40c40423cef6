"""A blocking HTTP client for the fakes' own tests: shows what is on the wire, event by event.

Not Rung's client; the fakes are tested without it.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def _connection(url: str, timeout: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=timeout)


def send(url: str, path: str, body: Json | bytes | None = None, timeout: float = 10) -> Reply:
    """GET without a body, POST with one."""
    connection = _connection(url, timeout)
    try:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        connection.request("GET" if body is None else "POST", path, body=data)
        response = connection.getresponse()
        return Reply(response.status, response.read())
    finally:
        connection.close()


def lines(url: str, path: str, body: Json, timeout: float = 10) -> Generator[bytes, None, None]:
    """The payload of each `data:` line as it arrives; IncompleteRead when the stream is cut."""
    connection = _connection(url, timeout)
    try:
        connection.request("POST", path, body=json.dumps(body).encode())
        response = connection.getresponse()
        # read1 and not readline, for which a connection cut in mid-stream is an ordinary end.
        held = b""
        while piece := response.read1(65_536):
            *events, held = (held + piece).split(b"\n\n")
            yield from (event.removeprefix(b"data: ") for event in events)
    finally:
        connection.close()


def chunks(url: str, path: str, body: Json) -> list[Json]:
    """A whole stream, which must end with [DONE]."""
    *events, done = lines(url, path, {"stream": True, **body})
    assert done == b"[DONE]"
    return [json.loads(event) for event in events]


def chat(content: str = "hello there", **more: object) -> Json:
    return {"messages": [{"role": "user", "content": content}], "stream": True, **more}


def metrics(url: str) -> dict[str, float]:
    """Name and labels, as written, to value."""
    text = send(url, "/metrics").body.decode()
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}
