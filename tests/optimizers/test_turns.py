"""A chat as its turns, whatever roles it has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.prompt import Message
from optimizers.turns import parted


def said(roles: str) -> list[Message]:
    """One letter for each message; its content is its place."""
    names = {"s": "system", "d": "developer", "u": "user", "a": "assistant", "t": "tool"}
    return [Message(names[letter], str(at)) for at, letter in enumerate(roles)]


def shape(roles: str) -> tuple[int, list[str], int]:
    chat = parted(said(roles))
    letters = ["".join(message.role[0] for message in turn.messages) for turn in chat.past]
    return len(chat.head), letters, len(chat.asking)


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ("", (0, [], 0)),
        ("s", (1, [], 0)),
        ("u", (0, [], 1)),
        ("su", (1, [], 1)),
        ("sduauau", (2, ["ua", "ua"], 1)),
        ("uaatauu", (0, ["uaata"], 2)),
        ("sauau", (1, ["a", "ua"], 1)),
        ("suasuau", (1, ["uas", "ua"], 1)),
        ("uaua", (0, ["ua"], 2)),
    ],
)
def test_turns(roles: str, expected: tuple[int, list[str], int]) -> None:
    assert shape(roles) == expected


@given(st.text("sduat", max_size=12))
def test_no_message_is_lost_or_moved(roles: str) -> None:
    chat = parted(said(roles))
    again = [*chat.head, *(message for turn in chat.past for message in turn.messages), *chat.asking]
    assert again == said(roles)
    assert all(turn.messages for turn in chat.past)


def test_instructions_and_documents_are_not_summarised() -> None:
    spoken = [Message("user", "Here: {{documents}}"), Message("assistant", "Thanks."), *said("uasua"), *said("u")]
    assert [turn.can_be_summarised for turn in parted(spoken).past] == [False, False, True]
