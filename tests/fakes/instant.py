"""A server that answers every POST at once with one canned stream: `python -m tests.fakes.instant --port P`.

For benchmarks of the client: an asyncio protocol without a framework, so that it costs as little as it can.
It reads no body, counts nothing and has no faults; engine does those.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from typing import cast

import uvloop

MODEL = "instant"
PROMPT_TOKENS = 8
MAX_HEAD_BYTES = 65_536
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)


def _response(status: str, content_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _stream(chat: bool, chunks: int) -> bytes:
    """`chunks` counts the content chunks of one token each and the usage chunk, not [DONE]."""
    kind = "chat.completion.chunk" if chat else "text_completion"
    head = {"id": "cmpl-instant", "object": kind, "created": 1_700_000_000, "model": MODEL}
    tokens = chunks - 1
    events: list[str] = []
    for index in range(tokens):
        text = f" word{index}"
        content = {"delta": {"content": text}} if chat else {"text": text}
        finish = "length" if index == tokens - 1 else None
        choice = {"index": 0, **content, "logprobs": None, "finish_reason": finish}
        events.append(json.dumps({**head, "choices": [choice]}, separators=(",", ":")))
    usage = {
        "prompt_tokens": PROMPT_TOKENS,
        "total_tokens": PROMPT_TOKENS + tokens,
        "completion_tokens": tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    events.append(json.dumps({**head, "choices": [], "usage": usage}, separators=(",", ":")))
    frames = (f"data: {event}\n\n" for event in [*events, "[DONE]"])
    body = "".join(f"{len(frame):x}\r\n{frame}\r\n" for frame in frames)
    headers = "Content-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked"
    return f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}0\r\n\r\n".encode()


class Answers:
    def __init__(self, chunks: int) -> None:
        card = {"id": MODEL, "object": "model", "created": 1_700_000_000, "owned_by": "vllm"}
        models = json.dumps({"object": "list", "data": [card]}).encode()
        self.chat = _stream(True, chunks)
        self.completion = _stream(False, chunks)
        self.missing = _response("404 Not Found", "application/json", b'{"detail":"Not Found"}')
        self.unreadable = _response("400 Bad Request", "text/plain", b"needs a Content-Length body\n")
        self.get = {
            b"/health": _response("200 OK", "text/plain", b""),
            b"/v1/models": _response("200 OK", "application/json", models),
        }

    def to(self, method: bytes, path: bytes) -> bytes:
        if method == b"POST":
            return self.chat if b"/chat/" in path else self.completion
        return self.get.get(path, self.missing)


class Connection(asyncio.Protocol):
    """Answers requests in the order they come, several in one packet or one over several packets."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._transport: asyncio.Transport
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports implement asyncio.Transport without inheriting from it.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        held = self._held + data if self._held else data
        at = 0
        out: list[bytes] = []
        while True:
            end = held.find(b"\r\n\r\n", at)
            if end < 0:
                if len(held) - at > MAX_HEAD_BYTES:
                    return self._finish([*out, self._answers.unreadable])
                break
            head = held[at : end + 2]
            length = _LENGTH.search(head)
            method, _, rest = head.partition(b" ")
            if _CHUNKED.search(head) or (method == b"POST" and not length):
                return self._finish([*out, self._answers.unreadable])
            next_at = end + 4 + (int(length[1]) if length else 0)
            if next_at > len(held):
                break
            out.append(self._answers.to(method, rest.partition(b" ")[0]))
            if _CLOSE.search(head):
                return self._finish(out)
            at = next_at
        self._held = held[at:]
        if out:
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        return None

    def _finish(self, out: list[bytes]) -> None:
        self._held = b""
        self._transport.write(b"".join(out))
        self._transport.close()


async def serve(host: str, port: int, chunks: int) -> None:
    answers = Answers(chunks)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(answers), host, port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="a server that answers every POST at once")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chunks", type=int, default=17, help="content chunks and the usage chunk")
    arguments = parser.parse_args()
    if arguments.chunks < 1:
        parser.error("--chunks: at least 1, the usage chunk")
    uvloop.run(serve(arguments.host, arguments.port, arguments.chunks))


if __name__ == "__main__":
    main()
