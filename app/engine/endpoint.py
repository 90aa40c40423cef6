"""A running OpenAI-compatible endpoint, launched by Rung or attached to by URL: what it serves, how it resets."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from optimizers.errors import InputError

API_KEY_VARIABLE = "RUNG_API_KEY"
PROBE_TIMEOUT = aiohttp.ClientTimeout(total=20)
RESET_ATTEMPTS = 20


@dataclass(frozen=True)
class Endpoint:
    """`base_url` has no trailing slash and no /v1. `max_length` is None when the server does not say."""

    base_url: str
    model: str
    max_length: int | None = None


def normalise_url(url: str) -> str:
    """The base URL without /v1 or a trailing slash. Raises InputError for what is no http URL, and for one with a name
    or password in it: the URL is kept with each run and stands in reports."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if usable and "@" in parts.netloc:
        host = parts.netloc.rpartition("@")[2]
        raise InputError(
            f"the endpoint at {host} was given with a name or password, which reports would show; leave it out and put "
            f"the key into {API_KEY_VARIABLE}"
        )
    if not usable:
        shown = url.rpartition("@")[2]
        raise InputError(f"the endpoint {shown!r} is no URL; give it like http://127.0.0.1:8000")
    path = parts.path.rstrip("/").removesuffix("/v1")
    return f"{parts.scheme}://{parts.netloc}{path}"


def api_key() -> str | None:
    """The key for attached endpoints; never stored and never logged."""
    return os.environ.get(API_KEY_VARIABLE) or os.environ.get("OPENAI_API_KEY") or None


async def attach(session: aiohttp.ClientSession, url: str, model: str | None) -> Endpoint:
    """Asks the server what it serves. Raises InputError when it does not answer or lacks the model."""
    base_url = normalise_url(url)
    try:
        async with session.get(f"{base_url}/v1/models", timeout=PROBE_TIMEOUT) as response:
            if response.status in (401, 403):
                raise InputError(f"the endpoint {base_url} wants a key; put it into {API_KEY_VARIABLE}")
            document = await response.json(content_type=None) if response.status == 200 else None
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise InputError(f"the endpoint {base_url} does not answer ({reason}); check the URL and the server") from None
    entries = document.get("data") if isinstance(document, dict) else None
    served = {str(e["id"]): e for e in entries or () if isinstance(e, dict) and e.get("id")}
    if not served and model is None:
        raise InputError(
            f"the endpoint {base_url} does not say what it serves (/v1/models: HTTP {status}); "
            "name the model with --model"
        )
    if model is not None and served and model not in served:
        raise InputError(f"the endpoint {base_url} does not serve {model!r}; it serves: {', '.join(served)}")
    chosen = model or next(iter(served))
    length = served.get(chosen, {}).get("max_model_len")
    return Endpoint(base_url, chosen, length if isinstance(length, int) else None)


async def is_gone(session: aiohttp.ClientSession, base_url: str) -> str | None:
    """After a failed request: why the server itself is gone, or None while it still answers."""
    for path in ("/health", "/v1/models"):
        try:
            async with session.get(base_url + path, timeout=PROBE_TIMEOUT) as response:
                if response.status == 503 and path == "/health":
                    return "the engine reports that it is dead (/health: HTTP 503)"
                if response.status < 500:
                    return None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = f"the endpoint {base_url} stopped answering ({type(error).__name__})"
            continue
        reason = f"the endpoint {base_url} answers HTTP {response.status} to everything"
    return reason


async def reset_prefix_cache(session: aiohttp.ClientSession, base_url: str) -> bool:
    """Empties the engine's prefix cache; False when the server has no such door or stays busy."""
    for _ in range(RESET_ATTEMPTS):
        with suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
            async with session.post(f"{base_url}/reset_prefix_cache", timeout=PROBE_TIMEOUT) as response:
                if response.status in (404, 405, 401, 403):
                    return False
                body = await response.text()
                if response.status == 200 and '"success":false' not in body.replace(" ", ""):
                    return True
        await asyncio.sleep(0.1)
    return False
