"""The studio as an ASGI application, which `streamlit run app/server.py` serves: Streamlit behind security headers.

Everything a page needs comes from the studio itself, and the headers hold the browser to that.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

# Before any page: the first would load it late, and who draws a chart on a second one meanwhile takes half for whole.
import pandas  # type: ignore[import-untyped]  # noqa: F401
import streamlit as st
from starlette.middleware import Middleware
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from app.asgi import Application, Message, Receive, Send, header_of
from app.opened_page import KeepsPage
from store.settings import ROOT


def hashes_of(page: str) -> str:
    """What a policy needs to let the scripts run that stand in an HTML page itself, and no others."""
    scripts = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", page, re.DOTALL)
    return " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)


INDEX = Path(st.__file__).parent / "static" / "index.html"
POLICY = {
    "default-src": "'self'",
    "script-src": f"'self' 'wasm-unsafe-eval' {hashes_of(INDEX.read_text(encoding='utf-8'))}",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "content-security-policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Guarded:
    """Adds the headers to each answer, and refuses HTTP requests under a host name that the studio does not go by:
    Streamlit itself looks at the name only where a page connects."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": with_headers(message.get("headers", ()))}
            await send(message)

        if not is_host_allowed(header_of(scope, "host")):
            await refuse(answer)
        else:
            await self._app(scope, receive, answer)


def with_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """`headers` with ours in place of any of the same name."""
    ours = {name.encode(): value.encode() for name, value in HEADERS.items()}
    return [*((name, value) for name, value in headers if name.lower() not in ours), *ours.items()]


async def refuse(send: Send) -> None:
    text = b"This studio does not go by that name. Open it as it was announced, or start it with --allow-host NAME.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 421, "headers": headers})
    await send({"type": "http.response.body", "body": text})


app = st.App(ROOT / "app" / "main.py", middleware=[Middleware(Guarded), Middleware(KeepsPage)])
