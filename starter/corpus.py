"""What the starter tokenizer and model are trained on: the prompt sets' grammars under other seeds.

The saved prompts themselves are never used.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tokenizers import Tokenizer

from starter.prompt_sets import SEED, SETS
from starter.sets.practice import Chat
from starter.tokenizer import TURN_END, TURN_START

_TOKENIZER_SEED = SEED + 1
_PRACTICE_SEED = SEED + 2


@dataclass(frozen=True)
class Example:
    """Token ids, and for each whether it is part of an answer."""

    ids: tuple[int, ...]
    is_answer: tuple[bool, ...]


def tokenizer_texts(rows_per_set: int) -> Iterator[str]:
    for module in SETS:
        for row in module.make(_TOKENIZER_SEED, rows_per_set).rows:
            yield "\n".join(message["content"] for message in row.rendered())
        for chat in module.practice(_TOKENIZER_SEED, rows_per_set):
            yield "\n".join(answer for _, answer in chat)


def practice_chats(chats_per_set: int) -> list[Chat]:
    """The sets take turns, so that each batch of neighbours holds all of them."""
    by_set = [module.practice(_PRACTICE_SEED, chats_per_set) for module in SETS]
    return [chat for chats in zip(*by_set, strict=True) for chat in chats]


def encode(chat: Chat, tokenizer: Tokenizer) -> Example:
    ids: list[int] = []
    is_answer: list[bool] = []
    for index, (asked, answer) in enumerate(chat):
        before = "\n" if index else ""
        for text, counts in (
            (f"{before}{TURN_START}user\n{asked}{TURN_END}\n{TURN_START}assistant\n", False),
            (f"{answer}{TURN_END}", True),
        ):
            piece = tokenizer.encode(text).ids
            ids += piece
            is_answer += [counts] * len(piece)
    return Example(tuple(ids), tuple(is_answer))
