"""What the starter tokenizer and models are trained on: practice chats, of words that no saved prompt uses.

Does not hold the chats themselves; they are made as training goes, each from its own seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from starter.sets import extraction, few_shot, multi_turn, support_desk, unique
from starter.sets.practice import Chat
from starter.sets.words import Words
from starter.tokenizer import TURN_END, TURN_START

Practice = Callable[[Words, int], Chat]
TASKS: tuple[Practice, ...] = (
    support_desk.practice,
    unique.practice,
    multi_turn.practice,
    extraction.practice,
    few_shot.practice,
)
EVEN = (1,) * len(TASKS)


@dataclass(frozen=True)
class Example:
    """Token ids, and for each whether it is part of an answer."""

    ids: list[int]
    is_answer: list[bool]


def practice_chat(seed: int, number: int, size: int, mix: Sequence[int] = EVEN) -> Chat:
    """Chat `number` of the endless sequence that `seed` names, with about `size` characters of context.

    `mix` says how often each of `TASKS` comes.
    """
    rng = random.Random(f"{seed}/{number}")
    words = Words(rng, held_out=False, alike=rng.random() < 0.75)
    (task,) = words.rng.choices(TASKS, mix)
    return task(words, size)


def tokenizer_texts(seed: int, chats: int, mix: Sequence[int] = EVEN) -> Iterator[str]:
    """Practice chats, and all numbers of one and two digits, so that each is a token."""
    yield support_desk.HANDBOOK
    yield multi_turn.SYSTEM
    for number in range(chats):
        chat = practice_chat(seed, number, 1500, mix)
        yield "\n".join([chat.system, *(f"{asked}\n{answer}" for asked, answer in chat.turns)])
    pairs = [*(f"{n:02d}" for n in range(100)), *map(str, range(10))]
    for _ in range(60):
        yield " ".join(pairs) + "." + ".".join(pairs)


def encode(chat: Chat, tokenizer: Tokenizer) -> Example:
    ids: list[int] = []
    is_answer: list[bool] = []
    before = f"{TURN_START}system\n{chat.system}{TURN_END}\n" if chat.system else ""
    for asked, answer in chat.turns:
        for text, counts in (
            (f"{before}{TURN_START}user\n{asked}{TURN_END}\n{TURN_START}assistant\n", False),
            (f"{answer}{TURN_END}", True),
        ):
            piece = tokenizer.encode(text).ids
            ids += piece
            is_answer += [counts] * len(piece)
        before = "\n"
    return Example(ids, is_answer)
