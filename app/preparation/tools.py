"""The tools that a technique has while it changes prompts: counting, work of its own, asking the served model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import aiohttp

from app.engine.endpoint import Endpoint
from app.preparation.counting import Counter
from app.preparation.work import Progress, module_command, work
from optimizers.errors import InputError
from optimizers.prompt import as_plain_text
from optimizers.transform import Reply, Worked

ASK_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)


@dataclass(frozen=True)
class Asked:
    """The served model, ready to be asked. `chat` False sends plain text, for a model without a chat template."""

    session: aiohttp.ClientSession
    endpoint: Endpoint
    chat: bool


class PreparationTools:
    """`optimizers.transform.Tools` of one experiment. `asked` is None while there is no engine."""

    def __init__(self, counter: Counter, report: Progress, asked: Asked | None = None) -> None:
        self._counter = counter
        self._report = report
        self._asked = asked

    async def count(self, texts: Sequence[str]) -> list[int]:
        return await self._counter.texts(texts)

    async def work(self, module: str, task: Mapping[str, Any]) -> Worked:
        return await work(module_command(module), task, self.progress)

    async def ask(self, messages: Sequence[Mapping[str, str]], max_tokens: int) -> Reply:
        if self._asked is None:
            raise ValueError("a technique that asks the model says so with asks_the_model")
        return await ask(self._asked, messages, max_tokens)

    def progress(self, done: int, total: int) -> None:
        self._report(done, total)


async def ask(asked: Asked, messages: Sequence[Mapping[str, str]], max_tokens: int) -> Reply:
    """One answer, not streamed. Raises InputError with what the server says when it gives none."""
    body: dict[str, Any] = {"model": asked.endpoint.model, "max_tokens": max_tokens, "temperature": 0.0}
    if asked.chat:
        path, body["messages"] = "/v1/chat/completions", [dict(message) for message in messages]
    else:
        path, body["prompt"] = "/v1/completions", as_plain_text(messages)
    began = monotonic()
    try:
        async with asked.session.post(asked.endpoint.base_url + path, json=body, timeout=ASK_TIMEOUT) as response:
            document = await response.json(content_type=None)
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise InputError(f"the model could not be asked while prompts were prepared ({type(error).__name__})") from None
    try:
        choice, usage = document["choices"][0], document["usage"]
        text = choice["message"]["content"] if asked.chat else choice["text"]
        return Reply(text or "", usage["prompt_tokens"], usage["completion_tokens"], monotonic() - began)
    except (KeyError, IndexError, TypeError):
        said = _message(document) or f"HTTP {status}"
        raise InputError(f"the model gave no answer while prompts were prepared: {said}") from None


def _message(document: Any) -> str:
    found = document.get("error", document) if isinstance(document, dict) else {}
    return str(found.get("message", "")) if isinstance(found, dict) else str(found)
