"""Counting tokens as the served model does: by the tokenizer in its folder, or by asking an endpoint that can."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from app.engine.endpoint import Endpoint
from app.prompts.token_counts import count_prompts, count_texts
from optimizers.errors import InputError
from optimizers.prompt import Prompt


class Counter(Protocol):
    @property
    def identity(self) -> Mapping[str, Any]:
        """Which model counts; what is made with its help is kept under it."""

    async def prompts(self, prompts: Sequence[Prompt]) -> list[int | None]:
        """Tokens of each prompt as it is sent, None where that cannot be told."""

    async def texts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone. Raises InputError where that cannot be told."""


def folder_identity(fingerprint: str | None, chat: bool | None) -> dict[str, Any]:
    return {"model": fingerprint, "chat": chat}


def endpoint_identity(base_url: str, model: str | None) -> dict[str, Any]:
    return {"endpoint": base_url, "model": model}


@dataclass(frozen=True)
class FolderCounter:
    folder: Path
    fingerprint: str
    chat: bool

    @property
    def identity(self) -> Mapping[str, Any]:
        return folder_identity(self.fingerprint, self.chat)

    async def prompts(self, prompts: Sequence[Prompt]) -> list[int | None]:
        return await asyncio.to_thread(count_prompts, self.folder, prompts, self.chat)

    async def texts(self, texts: Sequence[str]) -> list[int]:
        return await asyncio.to_thread(count_texts, self.folder, texts)


@dataclass(frozen=True)
class EndpointCounter:
    """Asks vLLM's /tokenize, which other servers may not have."""

    session: aiohttp.ClientSession
    endpoint: Endpoint

    @property
    def identity(self) -> Mapping[str, Any]:
        return endpoint_identity(self.endpoint.base_url, self.endpoint.model)

    async def prompts(self, prompts: Sequence[Prompt]) -> list[int | None]:
        bodies: list[dict[str, Any]] = [
            {"messages": prompt.rendered_messages()} if prompt.is_chat else {"prompt": prompt.text}
            for prompt in prompts
        ]
        return [await self._count(body) for body in bodies]

    async def texts(self, texts: Sequence[str]) -> list[int]:
        found = [await self._count({"prompt": text, "add_special_tokens": False}) for text in texts]
        known = [count for count in found if count is not None]
        if len(known) < len(found):
            raise InputError(f"the endpoint {self.endpoint.base_url} does not count tokens (/tokenize)")
        return known

    async def _count(self, body: Mapping[str, Any]) -> int | None:
        url = f"{self.endpoint.base_url}/tokenize"
        try:
            async with self.session.post(url, json={"model": self.endpoint.model, **body}) as response:
                document = await response.json(content_type=None) if response.status == 200 else {}
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None
        count = document.get("count") if isinstance(document, dict) else None
        return count if isinstance(count, int) else None
