"""Servers within the test's own event loop: the fake engine where no process is needed, and canned answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from aiohttp import web

from tests.fakes.engine import Engine
from tests.fakes.engine_settings import Behaviour, parse_flags

PATIENCE_S = 60.0
Answer = str | tuple[int, Any] | Callable[[web.Request], Awaitable[web.StreamResponse]]
"""A body, (status, JSON), or a handler; lists are given out one by one, the last one for good."""


async def until(condition: Callable[[], bool], what: str) -> None:
    """Waits, without holding the loop, for something that is bound to happen."""
    deadline = monotonic() + PATIENCE_S
    while not condition():
        if monotonic() > deadline:
            raise RuntimeError(f"not so after {PATIENCE_S:.0f} s: {what}")
        await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def fake_vllm_server(*flags: str, **behaviour: Any) -> AsyncIterator[tuple[str, Engine]]:
    """The fake engine with what Rung asks of vLLM switched on; (base URL, engine)."""
    arguments = parse_flags(["--enable-prompt-tokens-details", *flags])
    engine = Engine(arguments, Behaviour(**{"dev_mode": True, **behaviour}))
    try:
        async with listening(engine.app()) as url:
            yield url, engine
    finally:
        if engine.log:
            engine.log.close()


@asynccontextmanager
async def server(paths: Mapping[str, Answer | list[Answer]]) -> AsyncIterator[str]:
    """A server that knows these paths, whatever the method."""

    held = {path: list(answers) if isinstance(answers, list) else [answers] for path, answers in paths.items()}

    async def reply(request: web.Request) -> web.StreamResponse:
        answers = held.get(request.path, [(404, {"detail": "Not Found"})])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, str):
            return web.Response(text=answer)
        if isinstance(answer, tuple):
            return web.json_response(answer[1], status=answer[0])
        return await answer(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", reply)
    async with listening(app) as url:
        yield url
