"""Builds the request bodies of a prompt set for one endpoint, before the clock starts. Pure.

A conversation's later turns hold what the engine answered to its earlier ones, which is known only while it runs: their
bodies are encoded in pieces, and an answer is put between them when its turn is due.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optimizers.prompt import Prompt


@dataclass(frozen=True)
class Sampling:
    """`max_tokens` stands in where a prompt names none. Temperature 0 makes runs comparable."""

    max_tokens: int = 64
    temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class WireRequest:
    """A body ready to send; `position` is the prompt's place in its set, from 0.

    `after` is the position of the conversation's turn before, which has to be answered first. `pieces` are the body
    parted where earlier answers stand, and `holes` whose answers those are, by position: one less than pieces. Both
    are empty where nothing is filled in.
    """

    position: int
    path: str
    body: bytes
    after: int | None = None
    pieces: tuple[bytes, ...] = ()
    holes: tuple[int, ...] = ()

    def filled(self, answers: Mapping[int, str]) -> bytes | None:
        """The body with those answers in it; None where one of them is missing, so that the saved body stands."""
        if not self.holes:
            return None
        found = [answers.get(position) for position in self.holes]
        if None in found:
            return None
        parts = [self.pieces[0]]
        for answer, piece in zip(found, self.pieces[1:], strict=True):
            parts += [json.dumps(answer, ensure_ascii=False).encode(), piece]
        return b"".join(parts)


@dataclass(frozen=True)
class Turn:
    """One prompt's place in its conversation: the turn before, and for each message that repeats an answer, by its
    number, the position of the turn that was so answered."""

    after: int | None = None
    repeats: tuple[tuple[int, int], ...] = ()


def wire_request(
    prompt: Prompt,
    position: int,
    model: str,
    sampling: Sampling,
    chat: bool,
    cache_salt: str | None = None,
    turn: Turn | None = None,
) -> WireRequest:
    """`chat` False sends chat prompts as plain text, for checkpoints without a chat template.

    `cache_salt` makes the prefix cache of earlier runs unreachable where it cannot be reset (vLLM only). `turn` is the
    prompt's place in a conversation whose answers are to be the engine's own.
    """
    document: dict[str, Any] = {
        "model": model,
        "max_tokens": prompt.max_tokens or sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if cache_salt:
        document["cache_salt"] = cache_salt
    turn = turn or Turn()
    if not (prompt.is_chat and chat):
        document["prompt"] = prompt.plain_text()
        return WireRequest(position, "/v1/completions", _encoded(document), turn.after)
    messages = prompt.rendered_messages()
    body = _encoded(document | {"messages": messages})
    pieces = _pieces(document, messages, [number for number, _ in turn.repeats])
    holes = tuple(at for _, at in turn.repeats)
    return WireRequest(position, "/v1/chat/completions", body, turn.after, pieces if holes else (), holes)


def turns_of(prompts: Sequence[Prompt], live: bool) -> list[Turn]:
    """Each prompt's place in its conversation. Turns that a technique has rewritten wait for one another as well, but
    `repeats` has only messages that stand behind the very messages that were sent before. `live` False leaves it empty.
    """
    last: dict[str, list[int]] = {}
    found: list[Turn] = [Turn()] * len(prompts)
    in_order = sorted(range(len(prompts)), key=lambda at: (prompts[at].turn is None, prompts[at].turn or 0, at))
    for at in in_order:
        prompt = prompts[at]
        if prompt.conversation is None or prompt.turn is None:
            continue
        before = last.setdefault(prompt.conversation, [])
        repeats = tuple(_repeats(prompts, at, before)) if live else ()
        found[at] = Turn(before[-1] if before else None, repeats)
        before.append(at)
    return found


def as_sent(prompts: Sequence[Prompt], turns: Sequence[Turn], answers: Mapping[int, str]) -> tuple[Prompt, ...]:
    """The prompts with the answers that their later turns were sent with, where all of them were known."""
    found = []
    for prompt, turn in zip(prompts, turns, strict=True):
        if not turn.repeats or not all(at in answers for _, at in turn.repeats):
            found.append(prompt)
            continue
        messages = list(prompt.messages)
        for number, at in turn.repeats:
            messages[number] = replace(messages[number], content=answers[at])
        found.append(replace(prompt, messages=tuple(messages)))
    return tuple(found)


def _repeats(prompts: Sequence[Prompt], at: int, before: Sequence[int]) -> list[tuple[int, int]]:
    messages = prompts[at].rendered_messages() if prompts[at].is_chat else []
    found: list[tuple[int, int]] = []
    for earlier in before:
        asked = prompts[earlier].rendered_messages() if prompts[earlier].is_chat else []
        number = len(asked)
        if not 0 < number < len(messages) or messages[number]["role"] != "assistant":
            continue
        if _but_answers(asked) == _but_answers(messages[:number]):
            found.append((number, earlier))
    return found


def _but_answers(messages: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    return [(m["role"], "" if m["role"] == "assistant" else m["content"]) for m in messages]


def _pieces(document: Mapping[str, Any], messages: Sequence[dict[str, str]], holes: Sequence[int]) -> tuple[bytes, ...]:
    """The body without the contents of those messages, cut where they were."""
    mark, written = "answer", str(messages)
    while mark in written:
        mark += "-"
    open_ended = [{**message, "content": mark} if at in holes else message for at, message in enumerate(messages)]
    return tuple(_encoded({**document, "messages": open_ended}).split(json.dumps(mark).encode()))


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
