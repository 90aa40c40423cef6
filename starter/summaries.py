"""Does a short summary of a chat, written by the target, name the facts that were answered in it?

The saved chats are asked for a summary in words that were never practised, in place of their last question. A fact is
named when the assistant's sentence stands in the summary, and a line of the summary is true when it stands in the chat.
Whether it also holds the answer to the chat's last question is counted apart: often the user alone spoke of that, and a
summary as it is practised has only what was answered.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.analysis.scoring import holds_expected
from starter.answering import Answerer
from starter.rows import Message, PromptSet, Row, user
from starter.sets.multi_turn import summary_request
from starter.sets.words import Words

SETS = ("multi-turn", "long-chat")
MAX_TOKENS = 192
_SEED = 11


@dataclass(frozen=True)
class Named:
    """Counts over chats. `held` summaries hold the answer to their chat's last question."""

    chats: int = 0
    facts: int = 0
    named: int = 0
    lines: int = 0
    true_lines: int = 0
    held: int = 0

    def to_json(self) -> dict[str, Any]:
        shares = {
            "share": self.named / self.facts if self.facts else None,
            "true_share": self.true_lines / self.lines if self.lines else None,
            "held_share": self.held / self.chats if self.chats else None,
        }
        return {**asdict(self), **shares}


def named(summary: str, chat: Sequence[Message], expected: str) -> Named:
    """What of the chat its summary names."""
    facts = {message["content"] for message in chat if message["role"] == "assistant"}
    lines = [line for line in summary.splitlines() if line.strip()]
    said = "\n".join(message["content"] for message in chat)
    return Named(
        chats=1,
        facts=len(facts),
        named=sum(holds_expected(summary, fact) for fact in facts),
        lines=len(lines),
        true_lines=sum(holds_expected(said, line) for line in lines),
        held=int(holds_expected(summary, expected)),
    )


def together(found: Iterable[Named]) -> Named:
    counts = [asdict(one) for one in found]
    return Named(**{name: sum(one[name] for one in counts) for name in asdict(Named())})


def chats(prompt_set: PromptSet) -> list[Row]:
    """The set's rows that have a history, each as long as its chat gets."""
    last = max((row.turn or 0 for row in prompt_set.rows), default=0)
    return [row for row in prompt_set.rows if (row.turn or 0) == last and len(row.messages) > 2]


def summaries(target: Answerer, sets: Sequence[PromptSet]) -> dict[str, Any]:
    """By set: its chats up to the last question, with the wish for a summary in its place."""
    words = Words(random.Random(_SEED), held_out=True)
    found = {}
    for prompt_set in sets:
        if prompt_set.name in SETS:
            rows = chats(prompt_set)
            asked = [[*row.messages[:-1], user(summary_request(words))] for row in rows]
            answers = target.answer([target.ids(target.render(messages)) for messages in asked], MAX_TOKENS)
            scores = [
                named(target.text(answer), row.messages[:-1], row.expected)
                for answer, row in zip(answers, rows, strict=True)
            ]
            found[prompt_set.name] = together(scores).to_json()
    return found
