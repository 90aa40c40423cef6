"""Logging in leads back to the page that was opened, and never off the studio."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote

import pytest

from app.asgi import Message, Receive, Send
from app.opened_page import COOKIE, PAGES, KeepsPage, kept_page, page_of
from store.settings import ROOT

HOST = "rung.example.org"


def test_every_page_of_the_menu_is_known() -> None:
    places = re.findall(r'PAGES / "\w+\.py", .*url_path="([^"]+)"', (ROOT / "app" / "main.py").read_text())
    assert len(places) >= 9
    assert {"", *places} == PAGES


@pytest.mark.parametrize(
    ("address", "page"),
    [
        (f"https://{HOST}/ladder?experiment=3&x=a%26b", "ladder?experiment=3&x=a%26b"),
        (f"https://{HOST}/team/studio/what-if", "what-if"),
        (f"https://{HOST}/?kiosk=1", "?kiosk=1"),
        (f"https://{HOST}/", ""),
        (f"https://{HOST}/home", ""),
        (f"https://{HOST}/log-out", ""),
        (f"https://{HOST}/nowhere?x=1", ""),
        (f"https://{HOST}/auth/login", ""),
        ("https://evil.example/ladder?experiment=3", ""),
        (f"https://{HOST}.evil.example/ladder", ""),
        (f"https://{HOST}@evil.example/ladder", ""),
        (f"https://{HOST}/lab?recipe={'x' * 5000}", ""),
        ("https://[broken", ""),
        ("", ""),
    ],
)
def test_only_pages_of_the_studio_are_kept(address: str, page: str) -> None:
    assert page_of(address, HOST) == page


@pytest.mark.parametrize(
    "planted",
    [
        "//evil.example",
        "https://evil.example",
        "/ladder",
        "ladder/../x",
        "ladder?x\r\nSet-Cookie: a=b",
        "ladder?\u00e9",
    ],
)
def test_a_planted_cookie_leads_nowhere(planted: str) -> None:
    assert kept_page(f"{COOKIE}={quote(planted, safe='')}") == ""
    assert kept_page("no cookies at all; =;") == ""


@pytest.mark.parametrize(("base", "back"), [("/", "/ladder?experiment=3"), ("/team/", "/team/ladder?experiment=3")])
def test_the_login_leads_back_below_its_own_base_and_only_once(base: str, back: str) -> None:
    came = asked(f"{base}auth/login", "https://provider.example", referer=f"https://{HOST}{base}ladder?experiment=3")
    assert came["location"] == "https://provider.example", "the way to the provider is left alone"
    assert "HttpOnly; SameSite=Lax" in came["set-cookie"]
    kept = came["set-cookie"].partition(";")[0]
    done = asked(f"{base}oauth2callback", base, cookie=f"other=1; {kept}")
    assert done["location"] == back
    assert done["set-cookie"].startswith(f"{COOKIE}=; Max-Age=0")


def test_a_login_begun_on_home_forgets_an_earlier_page() -> None:
    came = asked("/auth/login", "https://provider.example", referer=f"https://{HOST}/")
    assert came["set-cookie"].startswith(f"{COOKIE}=; Max-Age=0")
    assert asked("/oauth2callback", "/") == {"location": "/"}


def test_other_answers_are_left_alone() -> None:
    cookie = f"{COOKIE}={quote('ladder')}"
    assert asked("/ladder", "/x", cookie=cookie) == {"location": "/x"}


def asked(path: str, location: str, **headers: str) -> dict[str, str]:
    """The headers of a redirection to `location` that passed through."""
    sent: list[Message] = []

    async def redirect(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 302, "headers": [(b"location", location.encode())]})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {}

    given = [(name.encode(), value.encode()) for name, value in {"host": HOST, **headers}.items()]
    scope = {"type": "http", "path": path, "headers": given}
    asyncio.run(KeepsPage(redirect)(scope, receive, send))
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}
