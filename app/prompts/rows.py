"""Turns one decoded row of a prompt file into a Prompt, whatever common dialect it is written in.

Dialects: the native one, OpenAI chat and batch rows, ShareGPT conversations, and plain rows with a text column; what
else is common is put into these by dialects.py. Does not cover reading the file (decode.py, draft.py).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from optimizers.errors import InputError
from optimizers.prompt import Document, Message, Prompt

TEXT_FIELDS = ("prompt", "text", "question", "instruction", "input", "query")
EXPECTED_FIELDS = ("expected", "answer", "reference", "completion", "output", "ideal")
SYSTEM_FIELDS = ("system", "system_prompt", "prefix")
TOKEN_FIELDS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "output_tokens", "output_tokens_count")
ID_FIELDS = ("id", "custom_id", "prompt_id", "question_id")
ROLES = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "bard": "assistant"}
KNOWN_ROLES = {"system", "developer", "user", "assistant", "tool"}
DIGITS = re.compile(r"[0-9]{1,18}")


def to_prompt(row: Any, position: int) -> Prompt:
    """`position` counts from 1 and names a row that brings no id. Raises InputError without the place."""
    if isinstance(row, str):
        row = {"prompt": row}
    if not isinstance(row, Mapping):
        raise InputError(f"a row must be an object with messages or a prompt, not {_kind(row)}")
    body = row.get("body") if isinstance(row.get("body"), Mapping) else row
    assert isinstance(body, Mapping)
    messages, expected = _messages(body)
    text = None if messages else _text(body)
    system = None if messages else _system(body)
    if text is not None and system is not None:
        messages, text = (Message("system", system), Message("user", text)), None
    documents = tuple(_document(item, at) for at, item in enumerate(_list(row, "documents"), start=1))
    identifier = next((row[name] for name in ID_FIELDS if row.get(name) not in (None, "")), f"row-{position:04d}")
    prompt = Prompt(
        id=str(identifier),
        messages=messages,
        text=text,
        expected=_expected(row, expected),
        max_tokens=_whole(row, body, *TOKEN_FIELDS),
        documents=documents,
        answer_document=_optional_text(row, "answer_document"),
        conversation=_optional_text(row, "conversation"),
        turn=_whole(row, row, "turn"),
        tags=_tags(row.get("tags")),
        arrival_s=_arrival(row),
    )
    try:
        json.dumps(prompt.to_json(), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError("the text holds half a character (a lone surrogate escape), which cannot be sent") from None
    return prompt


def _messages(body: Mapping[str, Any]) -> tuple[tuple[Message, ...], str | None]:
    """Messages and, where a conversation ends with the assistant, that last turn as the expected answer."""
    raw = body.get("messages", body.get("conversations"))
    if raw is None:
        return (), None
    if not isinstance(raw, list) or not raw:
        raise InputError("messages must be a list with at least one message")
    messages = [_message(item, at) for at, item in enumerate(raw, start=1)]
    expected = messages.pop().content if messages[-1].role == "assistant" and len(messages) > 1 else None
    if not any(message.content.strip() for message in messages):
        raise InputError("the messages hold no text")
    return tuple(messages), expected


def _message(item: Any, at: int) -> Message:
    if not isinstance(item, Mapping):
        raise InputError(f"message {at} must be an object with role and content, not {_kind(item)}")
    role = item.get("role", item.get("from"))
    role = ROLES.get(role, role) if isinstance(role, str) else None
    if role not in KNOWN_ROLES:
        raise InputError(f"message {at} has no role that is known (one of: {', '.join(sorted(KNOWN_ROLES))})")
    content = item.get("content", item.get("value"))
    if isinstance(content, list):
        content = "".join(_text_part(part, at) for part in content)
    if not isinstance(content, str):
        raise InputError(f"message {at} has no text in its content")
    return Message(role, content)


def _text_part(part: Any, at: int) -> str:
    if isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    raise InputError(f"message {at} has a content part that is not text; only text can be replayed")


def _text(body: Mapping[str, Any]) -> str:
    for name in TEXT_FIELDS:
        value = body.get(name)
        if isinstance(value, str) and value.strip():
            return value
    raise InputError(f"the row has no text: give it messages, or one of {', '.join(TEXT_FIELDS)}")


def _system(body: Mapping[str, Any]) -> str | None:
    found = (body.get(name) for name in SYSTEM_FIELDS)
    return next((value for value in found if isinstance(value, str) and value.strip()), None)


def _expected(row: Mapping[str, Any], from_messages: str | None) -> str | None:
    for name in EXPECTED_FIELDS:
        value = row.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value) != "":
            return str(value)
    return from_messages


def _document(item: Any, at: int) -> Document:
    if isinstance(item, str):
        return Document(f"d{at}", item)
    if isinstance(item, Mapping) and isinstance(item.get("text"), str):
        return Document(str(item.get("id", f"d{at}")), item["text"])
    raise InputError(f"document {at} must be a text or an object with id and text")


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name) or []
    if not isinstance(value, list):
        raise InputError(f"{name} must be a list, not {_kind(value)}")
    return value


def _whole(row: Mapping[str, Any], body: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = row.get(name, body.get(name))
        if value in (None, ""):
            continue
        number = int(value) if isinstance(value, str) and DIGITS.fullmatch(value.strip()) else value
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InputError(f"{name} is {value!r}, but must be a whole number of at least 1")
        return number
    return None


def _arrival(row: Mapping[str, Any]) -> float | None:
    """Seconds: `arrival_s` as they are, or `timestamp` as a date and time."""
    value, stamp = row.get("arrival_s"), row.get("timestamp")
    if value in (None, ""):
        if not isinstance(stamp, str) or not stamp.strip():
            return None
        try:
            return datetime.fromisoformat(stamp.strip()).timestamp()
        except (ValueError, OverflowError, OSError):
            return None
    try:
        seconds = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = float("nan")
    if not math.isfinite(seconds):
        raise InputError(f"arrival_s is {value!r}, but must be a number of seconds")
    return seconds


def _optional_text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return None if value in (None, "") else str(value)


def _tags(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(tag.strip() for tag in value.split(",") if tag.strip())
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(str(tag) for tag in value)
    raise InputError(f"tags must be a list of texts, not {_kind(value)}")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
