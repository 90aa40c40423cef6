"""Chats in which the user tells facts about a plan and asks for some of them again.

`multi-turn` has chats of four turns, each row being the whole history up to one user turn, so that a chat's prefix
grows. `long-chat` has the last turn of long chats. The recorded assistant turns are the right answers, whatever the
served model would have said.
"""

import random
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starter.rows import Message, PromptSet, Row, assistant, system, user
from starter.sets.asking import question
from starter.sets.practice import Chat
from starter.sets.words import Fact, Filler, Words, shuffled_again_and_again, tell

TURNS = 4
LONG_TURNS = 12
SYSTEM = (
    "You are a patient planning partner. The user tells you about a plan in several messages. Keep every date, time, "
    "amount, name and code that the user gives, and when you are asked for one, answer with the user's own sentence "
    "that holds it."
)
_GRAMMAR: dict[str, Any] = tomllib.loads((Path(__file__).parent / "multi_turn.toml").read_text(encoding="utf-8"))
_TOPICS: list[dict[str, Any]] = _GRAMMAR["topic"]
# A question in the middle of a long chat is about something told in the last three turns.
_RECENT_TURNS = 3
_SUMMARY_ASKS = (
    "Please summarise our conversation.", "Summarise what you told me so far.", "Sum up the answers so far.",
    "Give me a short summary of this conversation.", "Write a summary of your answers.",
)  # fmt: skip
_SUMMARY_ASKS_HELD_OUT = ("Could I have a summary of all this?", "Before we stop, sum up the conversation for me.")


def summary_request(words: Words) -> str:
    return words.choice(_SUMMARY_ASKS_HELD_OUT if words.held_out else _SUMMARY_ASKS)


def _told(topics: Sequence[dict[str, Any]], turns: int, words: Words) -> list[Fact]:
    """Two facts for each turn."""
    patterns = [pattern for topic in topics for pattern in topic["facts"]]
    return tell(words.rng.sample(patterns, min(len(patterns), 2 * turns)), words)


def _said(facts: Sequence[Fact], remarks: list[str], words: Words, likely: float = 1.0) -> list[str]:
    said = []
    for fact in facts:
        if remarks and words.rng.random() < likely:
            said.append(remarks.pop())
        said.append(fact.sentence)
    return said


def _conversation(number: int, opening: str, topic: dict[str, Any], words: Words) -> list[Row]:
    filler = Filler(words)
    facts = _told([topic], TURNS, words)
    remarks = words.rng.sample(_remarks([topic]), 2 * TURNS)
    history: list[Message] = [system(SYSTEM)]
    unasked = list(facts)
    rows = []
    for turn in range(1, TURNS + 1):
        said = [opening] if turn == 1 else []
        said += _said(facts[2 * turn - 2 : 2 * turn], remarks, words)
        # Nothing is asked for twice, or the answer could be copied from the last one. The last turn goes back to the
        # first half, so the whole history is needed.
        told = facts[: TURNS if turn == TURNS else 2 * turn]
        fact = words.rng.choice([fact for fact in unasked if fact in told])
        unasked.remove(fact)
        history.append(user(filler.fill(" ".join([*said, question(fact, words)]))))
        if _times_said(fact, history) != 1:
            return _conversation(number, opening, topic, words)
        rows.append(
            Row(
                id=f"multi-turn-{number:02d}-{turn}",
                messages=tuple(history),
                expected=fact.value,
                max_tokens=32,
                conversation=f"{topic['name']}-{number:02d}",
                turn=turn,
                tags=(topic["name"],),
            )
        )
        if turn < TURNS:
            history.append(assistant(fact.sentence))
    return rows


def _remarks(topics: Sequence[dict[str, Any]]) -> list[str]:
    return [remark for topic in topics for remark in (*topic["user"], *topic["held_user"])]


def _times_said(fact: Fact, history: Sequence[Message]) -> int:
    return sum(message["content"].count(fact.value) for message in history)


def make(seed: int, count: int = 128) -> PromptSet:
    words = Words(random.Random(seed), held_out=True)
    openings = {topic["name"]: shuffled_again_and_again(topic["openings"], words) for topic in _TOPICS}
    conversations = []
    for number in range(1, count // TURNS + 1):
        topic = _TOPICS[(number - 1) % len(_TOPICS)]
        conversations.append(_conversation(number, next(openings[topic["name"]]), topic, words))
    return PromptSet(
        name="multi-turn",
        title="Multi-turn chats",
        description=(
            f"{len(conversations)} chats of four turns. Each prompt is the whole history up to one user turn, with the "
            "assistant's turns as recorded; the expected answer was said once, by the user."
        ),
        # All first turns come before all second turns: an answer must exist before its reader can write again.
        rows=tuple(chat[turn] for turn in range(TURNS) for chat in conversations),
    )


def _long_row(index: int, opening: str, words: Words) -> Row:
    """A chat of `LONG_TURNS` turns that ends with a question about something from its first third.

    Every second chat has had that answer before, so a summary of the answers keeps it; in the others only the user said
    it, so a summary has to find it among what was never asked for.
    """
    topics = words.rng.sample(_TOPICS, len(_TOPICS))
    filler = Filler(words)
    facts = _told(topics, LONG_TURNS, words)
    told = words.rng.randrange(LONG_TURNS // 3)
    final = facts[2 * told + words.rng.randrange(2)]
    answered = index % 2 == 0
    asked_before = told + words.rng.randrange(_RECENT_TURNS) if answered else None
    remarks = words.rng.sample(_remarks(topics), 2 * LONG_TURNS)
    history: list[Message] = [system(SYSTEM)]
    unasked = [fact for fact in facts if fact is not final]
    for turn in range(LONG_TURNS - 1):
        said = [opening] if turn == 0 else []
        said += _said(facts[2 * turn : 2 * turn + 2], remarks, words)
        recent = facts[max(0, 2 * (turn + 1 - _RECENT_TURNS)) : 2 * turn + 2]
        asked = final if turn == asked_before else words.rng.choice([fact for fact in unasked if fact in recent])
        if asked in unasked:
            unasked.remove(asked)
        history += [user(filler.fill(" ".join([*said, question(asked, words)]))), assistant(asked.sentence)]
    history.append(user(question(final, words)))
    if _times_said(final, history) != (2 if answered else 1):
        return _long_row(index, opening, words)
    return Row(
        id=f"long-chat-{index:03d}",
        messages=tuple(history),
        expected=final.value,
        max_tokens=32,
        tags=("answered-before" if answered else "said-once",),
    )


def make_long(seed: int, count: int = 128) -> PromptSet:
    words = Words(random.Random(seed), held_out=True)
    openings = shuffled_again_and_again(_GRAMMAR["long_openings"], words)
    return PromptSet(
        name="long-chat",
        title="Long chats",
        description=(
            f"The last of {LONG_TURNS} turns of a long chat. The question goes back to the first third, so whoever "
            "shortens the history has to keep what matters. In every second chat it was answered before."
        ),
        rows=tuple(_long_row(index, next(openings), words) for index in range(1, count + 1)),
    )


def practice(words: Words, size: int) -> Chat:
    """Facts and a question in each turn; sometimes a summary of the answers at the end."""
    turns = words.rng.randint(1, max(1, min(LONG_TURNS, size // 150)))
    topics = words.rng.sample(_TOPICS, 1 if turns <= TURNS else len(_TOPICS))
    facts = _told(topics, turns, words)
    remarks = [remark for topic in topics for remark in topic["user"]]
    words.rng.shuffle(remarks)
    filler = Filler(words)
    likely = words.rng.random()
    chat: list[tuple[str, str]] = []
    for turn in range(turns):
        said = _said(facts[2 * turn : 2 * turn + 2], remarks, words, likely)
        asked = words.rng.choice(facts[: 2 * turn + 2])
        chat.append((filler.fill(" ".join([*said, question(asked, words)])), asked.sentence))
    if turns > 1 and words.rng.random() < 0.5:
        answers = list(dict.fromkeys(answer for _, answer in chat))
        chat.append((summary_request(words), "\n".join(answers)))
    else:
        more = words.rng.sample(facts, min(len(facts), 3))
        chat += [(question(asked, words), asked.sentence) for asked in more]
    return Chat(tuple(chat), SYSTEM if words.rng.random() < 0.3 else "")
