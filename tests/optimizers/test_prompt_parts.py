"""A prompt taken apart and put together: nothing is lost, and what is protected stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.prompt import Document, Message, Prompt
from optimizers.prompt_parts import parts_of, rebuilt

DESK = Prompt(
    "desk",
    (Message("system", "Answer from the records."), Message("user", "Records:\n\n{{documents}}\n\nWho paid?")),
    documents=(Document("a", "Order 1: paid by Ada."), Document("b", "Order 2: open.")),
)
CHAT = Prompt(
    "chat",
    (
        Message("user", "The train leaves at 16:00."),
        Message("assistant", "Noted."),
        Message("user", "  We go by bus first.\n\nWhen does the train leave?\n"),
    ),
)
PLAIN = Prompt("plain", text="A long letter.\n\nIts second part.\n\nWhat is its topic?")


@pytest.mark.parametrize("prompt", [DESK, CHAT, PLAIN])
@pytest.mark.parametrize("protected", [True, False])
def test_put_together_unchanged_it_is_the_same_prompt(prompt: Prompt, protected: bool) -> None:
    assert rebuilt(prompt, parts_of(prompt, protected, protected), lambda text: text) == prompt


@given(st.lists(st.text(alphabet="ab \n{}", max_size=12), min_size=1, max_size=4), st.booleans())
def test_nothing_is_lost_whatever_the_spaces_are(texts: list[str], protected: bool) -> None:
    contents = [f"{text}{{{{documents}}}}" if at % 2 else text for at, text in enumerate(texts)]
    prompt = Prompt("p", tuple(Message("user", content) for content in contents), documents=(Document("d", "x"),))
    parts = parts_of(prompt, protected)
    assert rebuilt(prompt, parts, lambda text: text) == prompt
    assert all(text == text.strip() and text for text in parts.free)


def test_around_documents_everything_stays() -> None:
    parts = parts_of(DESK)
    assert parts.question == "Who paid?"
    assert parts.free == ("Order 1: paid by Ada.", "Order 2: open.", "Answer from the records.")
    assert parts_of(DESK, protect_system=True).free == parts.documents


def test_the_last_paragraph_of_the_last_user_message_is_the_question() -> None:
    parts = parts_of(CHAT)
    assert parts.question == "When does the train leave?"
    assert parts.free == ("The train leaves at 16:00.", "Noted.", "We go by bus first.")
    assert parts_of(PLAIN).free == ("A long letter.\n\nIts second part.",)


def test_a_message_of_one_paragraph_is_all_question() -> None:
    one = Prompt("one", (Message("user", "Where is order 17?"),))
    assert parts_of(one).free == ()
    assert parts_of(one).question == "Where is order 17?"
    assert parts_of(one, protect_question=False).free == ("Where is order 17?",)


def test_the_documents_place_survives_rewriting() -> None:
    shouted = rebuilt(DESK, parts_of(DESK, protect_question=False), str.upper, order=[1, 0])
    assert shouted.messages[1].content == "RECORDS:\n\n{{documents}}\n\nWHO PAID?"
    assert [document.id for document in shouted.documents] == ["b", "a"]
    assert shouted.documents[1].text == "ORDER 1: PAID BY ADA."
    assert (shouted.id, shouted.answer_document) == (DESK.id, DESK.answer_document)
