"""What a technique makes of one prompt: words kept and dropped, tokens before and after. For any that changes prompts.

The changed prompt comes from the technique's own `transform`, as in a run. Draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.analysis.kept_words import Span, compared
from app.prompts import tiktoken_count
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.recipe import TechniqueUse
from optimizers.registry import techniques
from optimizers.technique import Value
from optimizers.transform import Tools


@dataclass(frozen=True)
class PartPreview:
    """One message or document. `moved_to` is a document's new place, counted from 1, where that is another one."""

    title: str
    spans: tuple[Span, ...]
    moved_to: int | None = None

    def to_json(self) -> dict[str, Any]:
        spans = [span.to_json() for span in self.spans]
        return {"title": self.title, "moved_to": self.moved_to, "spans": spans}


@dataclass(frozen=True)
class Tokens:
    before: int
    after: int

    @property
    def kept(self) -> float:
        return self.after / self.before if self.before else 1.0

    def to_json(self) -> dict[str, Any]:
        return {"before": self.before, "after": self.after, "kept": self.kept}


@dataclass(frozen=True)
class Preview:
    """`tiktoken` is None where its vocabulary is missing. `idle` says why nothing was done, or why not by
    all."""

    prompt: str
    technique: str
    parts: tuple[PartPreview, ...]
    model_tokens: Tokens
    tiktoken: Tokens | None
    seconds: float
    idle: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt,
            "technique": self.technique,
            "idle": self.idle,
            "seconds": self.seconds,
            "tokens": {
                "model": self.model_tokens.to_json(),
                tiktoken_count.DEFAULT_ENCODING: self.tiktoken and self.tiktoken.to_json(),
            },
            "parts": [part.to_json() for part in self.parts],
        }


def previewable() -> tuple[str, ...]:
    """The techniques that change prompts, in registry order."""
    return tuple(technique.key for technique in techniques().all() if technique.prompt_order is not None)


async def preview(key: str, settings: Mapping[str, Value], prompt: Prompt, tools: Tools) -> Preview:
    """`settings` are checked and name models by their folders. Raises InputError."""
    technique = techniques().get(key)
    if technique.prompt_order is None:
        raise InputError(
            f"{key} changes no prompt, so there is nothing to preview; those that do: {', '.join(previewable())}"
        )
    return await preview_all([TechniqueUse(key, tuple(settings.items()))], prompt, tools)


async def preview_all(uses: Sequence[TechniqueUse], prompt: Prompt, tools: Tools) -> Preview:
    """What techniques that change prompts make of it one after the other, in the given order; their settings name
    models by their folders. Raises InputError."""
    changed, seconds, idle = prompt, 0.0, []
    for use in uses:
        technique = techniques().get(use.key)
        if technique.asks_the_model:
            raise InputError(f"{use.key} asks the served model, and no engine runs for a preview")
        reason = technique.idle_on(use.settings, [changed])
        if reason is not None:
            idle.append(reason)
            continue
        change = (await technique.transform(use.settings, [changed], tools)).changes[0]
        changed, seconds = change.prompt, seconds + change.seconds
    texts = [prompt.plain_text(), changed.plain_text()]
    by_tiktoken = tiktoken_count.count(texts)
    return Preview(
        prompt.id, ", ".join(use.key for use in uses), _parts(prompt, changed), Tokens(*await tools.count(texts)),
        Tokens(*by_tiktoken) if by_tiktoken else None, seconds, "; ".join(idle) or None,
    )  # fmt: skip


def _parts(before: Prompt, after: Prompt) -> tuple[PartPreview, ...]:
    """Message by message and document by document; as one text where messages came or went."""
    if before.text is not None or len(before.messages) != len(after.messages):
        return (PartPreview("prompt", compared(before.plain_text(), after.plain_text())),)
    pairs = zip(before.messages, after.messages, strict=True)
    messages = [PartPreview(old.role, compared(old.content, new.content)) for old, new in pairs]
    places = {document.id: at for at, document in enumerate(after.documents)}
    left = [document.id for document in before.documents if document.id in places]
    documents = []
    for document in before.documents:
        place = places.get(document.id)
        text = "" if place is None else after.documents[place].text
        moved = place is not None and left.index(document.id) != place
        documents.append(
            PartPreview(
                f"document {document.id}",
                compared(document.text, text),
                place + 1 if moved and place is not None else None,
            )
        )
    return (*messages, *documents)
