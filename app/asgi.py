"""What the studio's ASGI layers share: the protocol's types, and a request's headers as text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


def header_of(scope: Message, name: str) -> str | None:
    """The first header of that name, which is given in small letters; None where there is none."""
    wanted = name.encode()
    return next((value.decode("latin-1") for known, value in scope["headers"] if known == wanted), None)
