"""A prompt set as rows of a table that people change, and back into a set. Pure; the set that it began with stays.

A row holds the system text, the last user message (or the plain text), the expected answer and the token limit. Other
turns, documents, tags and times of a prompt stay as they are; `from_json_text` changes those.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.analysis.scoring import rule_of
from app.prompts.draft import check_expected
from app.prompts.prompt_set import PromptSet
from app.prompts.rows import to_prompt
from optimizers.errors import InputError
from optimizers.prompt import Message, Prompt

SYSTEM_ROLES = ("system", "developer")


@dataclass(frozen=True)
class EditRow:
    """`id` is None for a row that a person added. `messages` counts them; 1 for a plain text."""

    id: str | None
    system: str | None
    text: str | None
    expected: str | None
    max_tokens: int | None
    messages: int = 1


@dataclass(frozen=True)
class Changes:
    changed: int
    added: int
    deleted: int

    def __bool__(self) -> bool:
        return bool(self.changed or self.added or self.deleted)


def row_of(prompt: Prompt) -> EditRow:
    if prompt.text is not None:
        return EditRow(prompt.id, None, prompt.text, prompt.expected, prompt.max_tokens)
    text = prompt.messages[_asking(prompt.messages)].content
    return EditRow(prompt.id, _system(prompt.messages), text, prompt.expected, prompt.max_tokens, len(prompt.messages))


def edited(prompt_set: PromptSet, rows: Sequence[EditRow], replaced: Mapping[str, Prompt] | None = None) -> PromptSet:
    """The rows as a set, in their order; `replaced` has prompts by id that stand in for the set's own. Raises
    InputError that names the row."""
    known = {prompt.id: prompt for prompt in prompt_set.prompts} | dict(replaced or {})
    taken = {row.id for row in rows if row.id is not None}
    chat = any(prompt.is_chat for prompt in prompt_set.prompts)
    rule = rule_of(prompt_set.score)
    prompts: list[Prompt] = []
    for number, row in enumerate(rows, start=1):
        try:
            if row.id is None:
                identifier = _free_id(number, taken)
                taken.add(identifier)
                prompt = _new(identifier, row, chat)
            else:
                prompt = _changed(known[row.id], row)
            check_expected(prompt, rule)
        except InputError as error:
            raise InputError(f"row {number}{f' ({row.id})' if row.id else ''}: {error}") from None
        prompts.append(prompt)
    if not prompts:
        raise InputError("every row was deleted; a set has at least one prompt")
    return replace(prompt_set, prompts=tuple(prompts))


def changes(before: PromptSet, after: PromptSet) -> Changes:
    old = {prompt.id: prompt for prompt in before.prompts}
    new = {prompt.id: prompt for prompt in after.prompts}
    changed = sum(old[key] != new[key] for key in old.keys() & new.keys())
    return Changes(changed, len(new.keys() - old.keys()), len(old.keys() - new.keys()))


def json_text(prompt: Prompt) -> str:
    """The native row, a part to a line. Its id is left out: it stays."""
    row = prompt.to_json()
    del row["id"]
    return json.dumps(row, ensure_ascii=False, indent=2)


def from_json_text(text: str, prompt: Prompt) -> Prompt:
    """What a person made of `json_text(prompt)`. Raises InputError."""
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"this is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError):
        raise InputError("this is not JSON that can be read: too deep, or a number too long") from None
    if not isinstance(row, dict):
        raise InputError("a prompt is an object with messages or a prompt")
    messages = row.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    if isinstance(last, dict) and last.get("role") == "assistant":
        # Files are read so that it would be taken for the expected answer, and lost here.
        raise InputError("the last message is the assistant's; put it under expected, or add the user's next one")
    return to_prompt({**row, "id": prompt.id}, 1)


def _new(identifier: str, row: EditRow, chat: bool) -> Prompt:
    text, system = _text(row), _filled(row.system)
    if not chat and system is None:
        return Prompt(identifier, text=text, expected=_filled(row.expected), max_tokens=_limit(row))
    messages = (*([Message("system", system)] if system else []), Message("user", text))
    return Prompt(identifier, messages, expected=_filled(row.expected), max_tokens=_limit(row))


def _changed(prompt: Prompt, row: EditRow) -> Prompt:
    if row == row_of(prompt):
        return prompt
    prompt = replace(prompt, expected=_filled(row.expected), max_tokens=_limit(row))
    text, system = _text(row), _filled(row.system)
    if prompt.text is not None:
        if system is None:
            return replace(prompt, text=text)
        return replace(prompt, text=None, messages=(Message("system", system), Message("user", text)))
    messages = list(prompt.messages)
    asking = _asking(messages)
    messages[asking] = Message(messages[asking].role, text)
    old = _system(messages)
    if old is not None and asking > 0:
        messages[:1] = [] if system is None else [Message(messages[0].role, system)]
    elif system is not None and old is None:
        messages.insert(0, Message("system", system))
    return replace(prompt, messages=tuple(messages))


def _asking(messages: Sequence[Message]) -> int:
    """Where the last user message stands; the last message where no user has spoken."""
    users = [at for at, message in enumerate(messages) if message.role == "user"]
    return users[-1] if users else len(messages) - 1


def _system(messages: Sequence[Message]) -> str | None:
    """The system text, where something else asks."""
    if messages[0].role in SYSTEM_ROLES and _asking(messages) > 0:
        return messages[0].content
    return None


def _text(row: EditRow) -> str:
    if row.text is None or not row.text.strip():
        raise InputError("the prompt has no text; type one, or delete the row")
    return row.text


def _filled(text: str | None) -> str | None:
    return text if text and text.strip() else None


def _limit(row: EditRow) -> int | None:
    if row.max_tokens is not None and row.max_tokens < 1:
        raise InputError(f"max tokens is {row.max_tokens:,}, but must be at least 1, or empty")
    return row.max_tokens


def _free_id(number: int, taken: set[str]) -> str:
    while f"row-{number:04d}" in taken:
        number += 1
    return f"row-{number:04d}"
