"""A fake vLLM server for fault and timing tests: `python -m tests.fakes.engine`, any vLLM flag, no model.

FAKE_ENGINE_* variables choose its behaviour; engine_settings lists them. It tells requests apart and
counts words, but does not compute, schedule or sample: throughput measured against it means nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from tests.fakes import engine_faults, engine_plan, engine_wire
from tests.fakes.engine_metrics import CONTENT_TYPE, KV_TOKENS, EngineMetrics, PrefixCache
from tests.fakes.engine_settings import Behaviour, Flags, parse_behaviour, parse_flags

EVENT_STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}
GARBAGE = (
    b'data: {"id":"chatcmpl-\n\n',
    b"data: <html>502 Bad Gateway</html>\n\n",
    b"data: \xff\xfe\x00\n\n",
)


class Engine:
    def __init__(self, flags: Flags, behaviour: Behaviour) -> None:
        self.flags = flags
        self.behaviour = behaviour
        self.cache = PrefixCache()
        self.received = 0
        self.in_flight = 0
        self.running: dict[int, int] = {}
        """Request number -> its prompt tokens."""
        self.waiting = 0
        self.slots = asyncio.Semaphore(behaviour.slots) if behaviour.slots else None
        self.log = behaviour.log.open("a", buffering=1) if behaviour.log else None
        self.metrics = EngineMetrics(flags.served_name, flags.spec_tokens)
        self.metrics.gauge("num_requests_running", lambda: len(self.running))
        self.metrics.gauge("num_requests_waiting", lambda: self.waiting)
        self.metrics.gauge("kv_cache_usage_perc", lambda: min(1.0, sum(self.running.values()) / KV_TOKENS))

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_get("/health", self.health)
        app.router.add_get("/version", self.version)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/metrics", self.metrics_text)
        app.router.add_post("/tokenize", self.tokenize)
        app.router.add_post("/v1/chat/completions", self.complete)
        app.router.add_post("/v1/completions", self.complete)
        if self.behaviour.dev_mode:
            app.router.add_post("/reset_prefix_cache", self.reset_prefix_cache)
        return app

    async def health(self, _: web.Request) -> web.Response:
        return web.Response(status=503 if "never_ready" in self.behaviour.faults else 200)

    async def version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": "0.32.0"})

    async def models(self, _: web.Request) -> web.Response:
        flags = self.flags
        return web.json_response(engine_wire.model_list(flags.served_name, flags.model, flags.max_model_len))

    async def metrics_text(self, _: web.Request) -> web.Response:
        return web.Response(body=self.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def tokenize(self, request: web.Request) -> web.Response:
        ids = engine_plan.token_ids(engine_plan.prompt_words(await request.json()))
        answer = {
            "count": len(ids),
            "max_model_len": self.flags.max_model_len,
            "tokens": ids,
            "token_strs": None,
        }
        return web.json_response(answer)

    async def reset_prefix_cache(self, _: web.Request) -> web.Response:
        """As in vLLM, running requests hold their blocks: the reset fails and may be tried again."""
        free = not self.running
        if free:
            self.cache.clear()
        return web.json_response({"success": free})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        arrived = time.monotonic_ns()
        try:
            body = json.loads(await request.read())
            words = engine_plan.prompt_words(body)
        except (ValueError, AttributeError, TypeError):
            return _refuse(engine_wire.error(400, "Bad Request", "JSON decode error", "body"))
        self.received += 1
        self.in_flight += 1
        number = self.received
        if self.log:
            line = {"t": arrived, "path": request.path, "body": body, "in_flight": self.in_flight}
            self.log.write(json.dumps(line) + "\n")
        try:
            fault = engine_faults.request_fault(self.behaviour, number)
            refusal = self.refusal(body, words, fault)
            if refusal:
                return _refuse(refusal)
            async with self.admitted(number, len(words)):
                return await self.answer(request, body, words, fault)
        finally:
            self.in_flight -= 1

    def refusal(self, body: dict[str, Any], words: list[str], fault: str | None) -> engine_wire.Json | None:
        if fault == "http_500":
            message = "EngineCore encountered an issue. See stack trace (above) for the root cause."
            return engine_wire.error(500, "InternalServerError", message)
        name, limit = self.flags.served_name, self.flags.max_model_len
        if body.get("model", name) != name:
            message = f"The model `{body['model']}` does not exist. Valid aliases: {name}."
            return engine_wire.error(404, "NotFoundError", message, "model")
        if fault == "http_400" or len(words) >= limit:
            return engine_wire.too_long(limit, max(len(words), limit + 1))
        return None

    @contextlib.asynccontextmanager
    async def admitted(self, number: int, prompt_tokens: int) -> AsyncIterator[None]:
        queued = time.monotonic()
        self.waiting += 1
        try:
            if self.slots:
                await self.slots.acquire()
        finally:
            self.waiting -= 1
        begun = time.monotonic()
        self.metrics.admitted(begun - queued)
        self.running[number] = prompt_tokens
        try:
            yield
        finally:
            del self.running[number]
            self.metrics.finished(time.monotonic() - begun)
            if self.slots:
                self.slots.release()

    async def answer(
        self, request: web.Request, body: dict[str, Any], words: list[str], fault: str | None
    ) -> web.StreamResponse:
        flags, behaviour = self.flags, self.behaviour
        salt = str(body.get("cache_salt") or "")
        cached = self.cache.hit_tokens(words, salt) if flags.prefix_caching else 0
        self.metrics.prefilled(len(words), cached, flags.prefix_caching)
        self.cache.store(words, salt)
        count, finish_reason = engine_plan.output_length(body, behaviour)
        output = engine_plan.output_words(words, count)
        told = engine_wire.Answer(
            chat=request.path.endswith("/chat/completions"),
            model=flags.served_name,
            texts=engine_plan.token_texts(output),
            finish_reason=finish_reason,
            prompt_tokens=len(words),
            cached_tokens=cached if flags.prompt_tokens_details else None,
            reasoning=behaviour.reasoning,
            reasoning_key=behaviour.reasoning_key,
        )
        if body.get("stream"):
            include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            response = await self.stream(request, told, len(words) - cached, fault, include_usage)
        else:
            response = await self.whole(request, told, len(words) - cached, fault)
        self.cache.store(words + output, salt)
        return response

    async def paced(self, told: engine_wire.Answer, uncached: int, role: bool) -> AsyncIterator[engine_plan.Step]:
        """The plan's steps, each at its moment counted from now, so that delays do not add up."""
        begun = time.monotonic()
        total, spec_tokens = len(told.texts), self.flags.spec_tokens
        for step in engine_plan.steps(self.behaviour, total, uncached, spec_tokens, role):
            await asyncio.sleep(max(0.0, begun + step.at_ms / 1000 - time.monotonic()))
            if step.stop:
                self.metrics.stepped(step.stop - step.start, 0 if step.start else uncached)
            yield step

    async def stream(
        self,
        request: web.Request,
        told: engine_wire.Answer,
        uncached: int,
        fault: str | None,
        include_usage: bool,
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=EVENT_STREAM)
        await response.prepare(request)
        if fault == "garbage":
            for line in (*GARBAGE, engine_wire.DONE):
                await response.write(line)
            return response
        async for step in self.paced(told, uncached, role=told.chat):
            await response.write(engine_wire.sse(engine_wire.step_chunk(told, step.start, step.stop)))
            if await self.struck(request, told, step, fault):
                return response
        if include_usage:
            await response.write(engine_wire.sse(engine_wire.usage_chunk(told)))
        await response.write(engine_wire.DONE)
        return response

    async def whole(
        self, request: web.Request, told: engine_wire.Answer, uncached: int, fault: str | None
    ) -> web.Response:
        async for step in self.paced(told, uncached, role=False):
            await self.struck(request, told, step, fault)
        if fault == "garbage":
            return web.Response(body=b"<html>502 Bad Gateway</html>", content_type="application/json")
        return web.json_response(engine_wire.whole(told))

    async def struck(
        self, request: web.Request, told: engine_wire.Answer, step: engine_plan.Step, fault: str | None
    ) -> bool:
        if step.stop < min(self.behaviour.fault_after_tokens, len(told.texts)):
            return False
        if fault == "die_midway":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "stall":
            await asyncio.Event().wait()
        if fault == "half_stream" and request.transport:
            request.transport.close()
        return fault == "half_stream"


def _refuse(error: engine_wire.Json) -> web.Response:
    return web.json_response(error, status=error["error"]["code"])


async def serve(flags: Flags, behaviour: Behaviour) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    if "ignore_sigterm" not in behaviour.faults:
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    # handler_cancellation: a client that hangs up ends its request, as vLLM aborts it.
    runner = web.AppRunner(
        Engine(flags, behaviour).app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1
    )
    await runner.setup()
    await web.TCPSite(runner, flags.host, flags.port).start()
    engine_faults.log("APIServer", "launcher.py:37", f"Starting vLLM server on http://{flags.host}:{flags.port}")
    print("INFO:     Application startup complete.", flush=True)
    await stop.wait()
    await runner.cleanup()


def main() -> None:
    try:
        flags, behaviour = parse_flags(sys.argv[1:]), parse_behaviour(os.environ)
    except ValueError as error:
        raise SystemExit(f"fake engine: {error}") from None
    engine_faults.ignore_sigterm_if_asked(behaviour)
    engine_faults.log_start(flags)
    with engine_faults.child_process(behaviour):
        engine_faults.suffer_start(flags, behaviour)
        asyncio.run(serve(flags, behaviour))


if __name__ == "__main__":
    main()
