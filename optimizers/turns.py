"""A chat as its turns: what came before the question, who said what together, and what of it may be summarised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimizers.prompt import DOCUMENTS_MARKER, Message

SPOKEN = {"user", "assistant", "tool"}
INSTRUCTING = {"system", "developer"}


@dataclass(frozen=True)
class Turn:
    """What the user said, and all that followed until the user spoke again."""

    messages: tuple[Message, ...]

    @property
    def can_be_summarised(self) -> bool:
        """Instructions and documents are no conversation: a turn that holds either stays as it is."""
        return all(m.role in SPOKEN and DOCUMENTS_MARKER not in m.content for m in self.messages)


@dataclass(frozen=True)
class Chat:
    """`head` is what instructs before the first turn; `asking` is the last turn, which waits for its answer."""

    head: tuple[Message, ...]
    past: tuple[Turn, ...]
    asking: tuple[Message, ...]


def parted(messages: Sequence[Message]) -> Chat:
    spoken = next((at for at, m in enumerate(messages) if m.role not in INSTRUCTING), len(messages))
    turns: list[list[Message]] = []
    for at in range(spoken, len(messages)):
        opens = messages[at].role == "user" and messages[at - 1].role != "user"
        if opens or not turns:
            turns.append([])
        turns[-1].append(messages[at])
    past = tuple(Turn(tuple(turn)) for turn in turns[:-1])
    return Chat(tuple(messages[:spoken]), past, tuple(turns[-1]) if turns else ())
