"""Is a server ready? One question, one answer; waiting is the caller's."""

from __future__ import annotations

import aiohttp

HEALTH_TIMEOUT = aiohttp.ClientTimeout(total=5)


async def is_ready(base_url: str) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=HEALTH_TIMEOUT) as session,
            session.get(f"{base_url}/health") as response,
        ):
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
