"""The same prompt with what holds its answer taken away: a model that still answers does not read, it guesses."""

from __future__ import annotations

import re
from dataclasses import replace

from starter.rows import Row

_SENTENCE = re.compile(r"[^.!?\n]*(?:\.\d[^.!?\n]*)*[.!?]?\s*")


def without_answer(row: Row) -> Row | None:
    """Without the document that holds the answer, or without every line and sentence of the context that does.

    None where the answer is spread over the whole prompt: then nothing would be left to ask.
    """
    if row.answer_document is not None:
        kept = tuple(document for document in row.documents if document.id != row.answer_document)
        return replace(row, documents=kept)
    if row.expected.startswith("{"):
        return None
    lines = set(row.expected.split("\n")) if "\n" in row.expected else None

    def cut(text: str) -> str:
        if lines is not None:
            return "\n".join(line for line in text.split("\n") if line not in lines)
        return "".join(part for part in _SENTENCE.findall(text) if row.expected not in part)

    messages = tuple({**message, "content": cut(message["content"])} for message in row.messages)
    return replace(row, messages=messages)
