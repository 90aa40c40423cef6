"""Chats of four turns. Each row is the whole history up to one user turn, so that a chat's prefix grows.

The recorded assistant turns are the right answers, whatever the served model would have said.
"""

import random
import tomllib
from pathlib import Path
from typing import Any

from starter.rows import Message, PromptSet, Row, assistant, system, user
from starter.sets import words
from starter.sets.practice import Chat

TURNS = 4
SYSTEM = (
    "You are a patient planning partner. The user tells you about a plan in several messages. Keep every date, time, "
    "amount, name and code that the user gives, and when you are asked for one, answer first with the user's own "
    "sentence that holds it. After that you may add one short piece of advice."
)
_TOPICS: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "multi_turn.toml").read_text(encoding="utf-8"))[
    "topic"
]


def _facts(topic: dict[str, Any], rng: random.Random) -> list[tuple[str, str, str]]:
    """(sentence, question, value), two for each turn."""
    return words.facts(rng.sample(topic["facts"], 2 * TURNS), rng)


def _conversation(number: int, rng: random.Random) -> list[Row]:
    topic = _TOPICS[(number - 1) % len(_TOPICS)]
    filler = words.Filler(rng)
    facts = _facts(topic, rng)
    remarks = rng.sample(topic["user"], len(topic["user"]))
    advice = rng.sample(topic["assistant"], TURNS - 1)
    history: list[Message] = [system(SYSTEM)]
    rows = []
    for turn in range(1, TURNS + 1):
        said = [topic["opening"]] if turn == 1 else []
        for sentence, *_ in facts[2 * turn - 2 : 2 * turn]:
            if remarks:
                said.append(remarks.pop())
            said.append(sentence)
        # The last turn asks for something said in the first half, so the whole history is needed.
        sentence, question, value = rng.choice(facts[: TURNS if turn == TURNS else 2 * turn])
        history.append(user(filler.fill(" ".join([*said, question]))))
        rows.append(
            Row(
                id=f"multi-turn-{number:02d}-{turn}",
                messages=tuple(history),
                expected=value,
                max_tokens=24,
                conversation=f"{topic['name']}-{number:02d}",
                turn=turn,
                tags=(topic["name"],),
            )
        )
        if turn < TURNS:
            history.append(assistant(f"{sentence} {filler.fill(advice[turn - 1])}"))
    return rows


def make(seed: int, count: int = 64) -> PromptSet:
    rng = random.Random(seed)
    conversations = [_conversation(number, rng) for number in range(1, count // TURNS + 1)]
    return PromptSet(
        name="multi-turn",
        title="Multi-turn chats",
        description=(
            "Sixteen chats of four turns. Each prompt is the whole history up to one user turn, with the assistant's "
            "turns as recorded; the expected answer was said earlier in the same chat."
        ),
        # All first turns come before all second turns: an answer must exist before its reader can write again.
        rows=tuple(chat[turn] for turn in range(TURNS) for chat in conversations),
    )


def practice(seed: int, count: int) -> list[Chat]:
    """Two facts and a question in each turn, without remarks and advice."""
    rng = random.Random(seed)
    chats = []
    for number in range(count):
        facts = _facts(_TOPICS[number % len(_TOPICS)], rng)
        chat: Chat = []
        for turn in range(TURNS):
            (first, *_), (second, *_) = facts[2 * turn : 2 * turn + 2]
            sentence, question, _ = rng.choice(facts[: 2 * turn + 2])
            chat.append((f"{first} {second} {question}", sentence))
        chats.append(chat)
    return chats
