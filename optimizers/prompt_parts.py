"""A prompt taken apart into texts that may be rewritten and texts that stay, and put together again.

Every message and every document is a text of its own, so that what prompts share stays the same text in all of them.
Pure; knows no technique.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from optimizers.prompt import DOCUMENTS_MARKER, Message, Prompt

PARAGRAPH = "\n\n"


@dataclass(frozen=True)
class Part:
    """A piece of a message. `free` says that it may be rewritten; the space around a free part belongs to others."""

    text: str
    free: bool


@dataclass(frozen=True)
class Parts:
    """`messages` has the parts of each message, or of the plain text alone; joined they are what they came from."""

    messages: tuple[tuple[Part, ...], ...]
    documents: tuple[str, ...]
    question: str

    @property
    def free(self) -> tuple[str, ...]:
        """All that may be rewritten, documents first."""
        return (*self.documents, *(part.text for parts in self.messages for part in parts if part.free))

    @property
    def kept(self) -> tuple[str, ...]:
        return tuple(part.text for parts in self.messages for part in parts if not part.free and part.text.strip())


def parts_of(prompt: Prompt, protect_question: bool = True, protect_system: bool = False) -> Parts:
    """The question is the last paragraph of the last user message, or of a plain text; where that message holds the
    documents, it is everything around them."""
    if prompt.text is not None:
        asked, contents, roles = 0, [prompt.text], ["user"]
    else:
        contents, roles = [m.content for m in prompt.messages], [m.role for m in prompt.messages]
        asked = max((at for at, role in enumerate(roles) if role == "user"), default=-1)
    question, found = "", []
    for at, (role, content) in enumerate(zip(roles, contents, strict=True)):
        before, last = _question(content) if at == asked else (content, "")
        if at == asked:
            question = next((text.strip() for text in reversed(last.split(DOCUMENTS_MARKER)) if text.strip()), "")
        stays = role == "system" and protect_system
        found.append((*_parts(before, not stays), *_parts(last, not protect_question)))
    return Parts(tuple(found), tuple(document.text for document in prompt.documents), question)


def rebuilt(prompt: Prompt, parts: Parts, rewrite: Callable[[str], str], order: Sequence[int] | None = None) -> Prompt:
    """The prompt with every free text rewritten, and its documents in `order`."""
    contents = ["".join(rewrite(p.text) if p.free else p.text for p in pieces) for pieces in parts.messages]
    if prompt.text is not None:
        return replace(prompt, text=contents[0])
    messages = tuple(Message(m.role, text) for m, text in zip(prompt.messages, contents, strict=True))
    places = range(len(prompt.documents)) if order is None else order
    documents = tuple(replace(prompt.documents[at], text=rewrite(parts.documents[at])) for at in places)
    return replace(prompt, messages=messages, documents=documents)


def _question(content: str) -> tuple[str, str]:
    """(what stands before the question, the question)"""
    if DOCUMENTS_MARKER in content:
        return "", content
    before, between, _ = content.rstrip().rpartition(PARAGRAPH)
    return (before + between, content[len(before + between) :]) if before.strip() else ("", content)


def _parts(text: str, free: bool) -> list[Part]:
    """Parts of `text`: the documents' place and the space around a free part always stay."""
    if not text:
        return []
    if not free:
        return [Part(text, free=False)]
    found = []
    for at, piece in enumerate(text.split(DOCUMENTS_MARKER)):
        inner = piece.strip()
        start = piece.find(inner) if inner else len(piece)
        marker = DOCUMENTS_MARKER if at else ""
        found += [Part(marker + piece[:start], free=False), Part(inner, free=True)]
        found.append(Part(piece[start + len(inner) :], free=False))
    return [part for part in found if part.text]
