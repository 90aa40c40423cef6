"""The page that somebody opened before logging in, kept over the login: Streamlit by itself leads everybody to Home.

On the way to the login the browser says which page it comes from. The page's name and query go into a cookie, and the
answer that ends the login leads there. Only the studio's own pages are kept, and nothing of an address but its page and
query: nobody is led elsewhere.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, unquote, urlsplit

from app.asgi import Application, Message, Receive, Send, header_of
from store.settings import ROOT

LOGIN, BACK = "/auth/login", "/oauth2callback"
COOKIE = "rung_opened_page"
KEPT_S = 900
"""Who takes longer to log in lands on Home."""
LONGEST = 3500
"""Bytes; browsers refuse a cookie of 4,096. A longer address is not kept: half of one would be another."""
PAGES = frozenset({"", *(path.stem.replace("_", "-") for path in (ROOT / "pages").glob("*.py"))} - {"home"})
"""Pages by their place in the address. Home has none."""


class KeepsPage:
    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "") if scope["type"] == "http" else ""

        async def keep(message: Message) -> None:
            opened = page_of(header_of(scope, "referer") or "", header_of(scope, "host"))
            await send(_with_cookie(message, opened, KEPT_S if opened else 0))

        async def lead_back(message: Message) -> None:
            kept = kept_page(header_of(scope, "cookie") or "")
            await send(_with_cookie(_leading_to(message, kept), "", 0) if kept else message)

        await self._app(scope, receive, keep if path.endswith(LOGIN) else lead_back if path.endswith(BACK) else send)


def page_of(address: str, host: str | None) -> str:
    """`ladder?experiment=3` of an address of this host; empty where that is no page, or Home as it is."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    page = parts.path.rpartition("/")[2] + (f"?{parts.query}" if parts.query else "")
    return page if parts.netloc == host and _is_page(page) else ""


def kept_page(cookies: str) -> str:
    """What the cookie kept, looked at once more: others than the studio may have set it."""
    try:
        kept = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    page = unquote(kept.value) if kept else ""
    return page if _is_page(page) else ""


def _is_page(page: str) -> bool:
    name = page.partition("?")[0]
    fits = page.isascii() and page.isprintable() and " " not in page and len(quote(page, safe="")) <= LONGEST
    return fits and name in PAGES


def _leading_to(message: Message, page: str) -> Message:
    """A redirection to Home made one to `page`, below the same base; any other message as it is."""
    if message["type"] != "http.response.start" or not 300 <= message["status"] < 400:
        return message
    headers = [
        (name, value.rstrip(b"/") + b"/" + page.encode() if name.lower() == b"location" else value)
        for name, value in message.get("headers", ())
    ]
    return {**message, "headers": headers}


def _with_cookie(message: Message, page: str, seconds: int) -> Message:
    if message["type"] != "http.response.start":
        return message
    cookie = f"{COOKIE}={quote(page, safe='')}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax"
    return {**message, "headers": [*message.get("headers", ()), (b"set-cookie", cookie.encode())]}
