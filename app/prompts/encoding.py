"""Token ids of prompts from a checkpoint's tokenizer.json and chat template, without loading transformers.

Importing transformers takes seconds and brings torch, too much for a page. Covers fast tokenizers with a Jinja chat
template, as the engine applies them; for anything else `Encoder.of` gives None and the caller may take a longer road.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from optimizers.prompt import Prompt

FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "chat_template.json")


@dataclass(frozen=True, eq=False)
class Encoder:
    tokenizer: Any
    template: str | None
    special_tokens: dict[str, str]

    @staticmethod
    def of(folder: Path) -> Encoder | None:
        from tokenizers import Tokenizer

        path = folder / "tokenizer.json"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            tokenizer = Tokenizer.from_file(str(path)) if "model" in document else None
        except Exception:  # the library raises bare ones for files that it cannot read
            return None
        if tokenizer is None:
            return None
        # The engine neither cuts nor pads, whatever the file says.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        config = _json(folder / "tokenizer_config.json")
        return Encoder(tokenizer, _template(folder, config), _special_tokens(config))

    def encode(self, prompts: Iterable[Prompt], chat: bool) -> list[tuple[int, ...] | None]:
        """None for a chat that the template refuses. `chat` False sends chats as plain text, as `wire_request` does."""
        found: list[tuple[int, ...] | None] = []
        for prompt in prompts:
            if prompt.is_chat and chat:
                text = self._render(prompt)
                found.append(None if text is None else self.ids(text))
            else:
                found.append(tuple(self.tokenizer.encode(prompt.plain_text()).ids))
        return found

    def ids(self, text: str) -> tuple[int, ...]:
        """Without the tokens that a tokenizer puts round a text of its own."""
        return tuple(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def text(self, ids: Sequence[int]) -> str:
        """Special tokens as they are written."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False))

    def _render(self, prompt: Prompt) -> str | None:
        from jinja2 import TemplateError

        if self._compiled is None:
            return None
        messages = prompt.rendered_messages()
        try:
            text: str = self._compiled.render(messages=messages, add_generation_prompt=True, **self.special_tokens)
        except (TemplateError, ValueError, TypeError):
            return None
        return text

    @cached_property
    def _compiled(self) -> Any | None:
        from jinja2 import TemplateError
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        if self.template is None:
            return None
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _refuse
        try:
            return environment.from_string(self.template)
        except TemplateError:
            return None


def fingerprint(folder: Path) -> str:
    """Changes with whatever the token ids depend on."""
    digest = hashlib.sha256()
    for name in FILES:
        path = folder / name
        digest.update(f"{name}:".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _template(folder: Path, config: dict[str, Any]) -> str | None:
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    found = config.get("chat_template") or _json(folder / "chat_template.json").get("chat_template")
    if isinstance(found, list):
        found = next((item.get("template") for item in found if item.get("name") == "default"), None)
    return found if isinstance(found, str) else None


def _special_tokens(config: dict[str, Any]) -> dict[str, str]:
    """Templates name them, as in `bos_token`; older files keep each as an object."""
    found = {}
    for name, value in config.items():
        token = value.get("content") if isinstance(value, dict) else value
        if name.endswith("_token") and isinstance(token, str):
            found[name] = token
    return found


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None) -> str:
    """Jinja's own escapes HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


def _refuse(message: str) -> NoReturn:
    from jinja2 import TemplateError

    raise TemplateError(message)
