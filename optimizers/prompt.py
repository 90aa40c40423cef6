"""A prompt, as it is saved and as it is sent: what a technique may change. Does not cover prompt sets or files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DOCUMENTS_MARKER = "{{documents}}"


@dataclass(frozen=True)
class Message:
    role: str
    content: str


@dataclass(frozen=True)
class Document:
    id: str
    text: str


@dataclass(frozen=True)
class Prompt:
    """One saved prompt: chat `messages`, or a plain `text` for the completions endpoint; exactly one is set.

    `documents` are rendered, parted by an empty line, where a message holds `{{documents}}`. `arrival_s` is when it was
    sent once, in seconds from any moment that all prompts of a set share.
    """

    id: str
    messages: tuple[Message, ...] = ()
    text: str | None = None
    expected: str | None = None
    max_tokens: int | None = None
    documents: tuple[Document, ...] = ()
    answer_document: str | None = None
    conversation: str | None = None
    turn: int | None = None
    tags: tuple[str, ...] = ()
    arrival_s: float | None = None

    @property
    def is_chat(self) -> bool:
        return self.text is None

    def rendered_messages(self) -> list[dict[str, str]]:
        """The chat messages as they are sent, with the documents in their place."""
        documents = "\n\n".join(document.text for document in self.documents)
        return [
            {"role": message.role, "content": message.content.replace(DOCUMENTS_MARKER, documents)}
            for message in self.messages
        ]

    def plain_text(self) -> str:
        """The prompt as one text, for counting, for searching, and for engines without a chat template."""
        if self.text is not None:
            return self.text
        return as_plain_text(self.rendered_messages())

    def to_json(self) -> dict[str, Any]:
        """The native row; a field that is not set is left out, so equal prompts give equal text."""
        row: dict[str, Any] = {"id": self.id}
        if self.text is not None:
            row["prompt"] = self.text
        else:
            row["messages"] = [{"role": m.role, "content": m.content} for m in self.messages]
        if self.documents:
            row["documents"] = [{"id": d.id, "text": d.text} for d in self.documents]
        for name in ("expected", "max_tokens", "answer_document", "conversation", "turn", "arrival_s"):
            if getattr(self, name) is not None:
                row[name] = getattr(self, name)
        if self.tags:
            row["tags"] = list(self.tags)
        return row

    @staticmethod
    def from_json(row: Mapping[str, Any]) -> Prompt:
        """The inverse of `to_json`, for rows that this project wrote itself; no checks."""
        return Prompt(
            id=row["id"],
            messages=tuple(Message(m["role"], m["content"]) for m in row.get("messages", ())),
            text=row.get("prompt"),
            expected=row.get("expected"),
            max_tokens=row.get("max_tokens"),
            documents=tuple(Document(d["id"], d["text"]) for d in row.get("documents", ())),
            answer_document=row.get("answer_document"),
            conversation=row.get("conversation"),
            turn=row.get("turn"),
            tags=tuple(row.get("tags", ())),
            arrival_s=row.get("arrival_s"),
        )


def as_plain_text(messages: Sequence[Mapping[str, str]]) -> str:
    """Chat messages as one text that asks for the next answer."""
    return "\n\n".join([*(f"{message['role']}: {message['content']}" for message in messages), "assistant:"])
