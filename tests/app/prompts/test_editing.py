"""Rows in, prompt set out: what is not touched stays, what is touched is checked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.prompts.editing import Changes, EditRow, changes, edited, from_json_text, json_text, row_of
from app.prompts.prompt_set import PromptSet
from optimizers.errors import InputError
from optimizers.prompt import Document, Message, Prompt

SYSTEM, QUESTION = Message("system", "Be brief"), Message("user", "Why?")
CHAT = Prompt("chat", (SYSTEM, QUESTION), expected="So", max_tokens=4, tags=("t",))
TURNS = Prompt(
    "turns", (QUESTION, Message("assistant", "So"), Message("user", "{{documents}} And?")),
    documents=(Document("d", "x"),), conversation="c", turn=2,
)  # fmt: skip
TEXT = Prompt("text", text="Once upon", arrival_s=1.5)
SET = PromptSet("s", (CHAT, TURNS, TEXT), title="T")


def rows() -> list[EditRow]:
    return [row_of(prompt) for prompt in SET.prompts]


def one(prompt: Prompt, **change: object) -> Prompt:
    return edited(PromptSet("s", (prompt,)), [replace(row_of(prompt), **change)]).prompts[0]  # type: ignore[arg-type]


def test_a_row_holds_what_is_asked() -> None:
    assert rows() == [
        EditRow("chat", "Be brief", "Why?", "So", 4, 2),
        EditRow("turns", None, "{{documents}} And?", None, None, 3),
        EditRow("text", None, "Once upon", None, None, 1),
    ]


def test_untouched_rows_give_the_same_set() -> None:
    same = edited(SET, rows())
    assert same == SET
    assert not changes(SET, same)


def test_each_part_of_a_row_goes_where_it_belongs() -> None:
    assert one(CHAT, text="How?").messages == (SYSTEM, Message("user", "How?"))
    assert one(CHAT, system="Be long").messages[0] == Message("system", "Be long")
    assert one(CHAT, system=None).messages == one(CHAT, system="  ").messages == (QUESTION,)
    assert one(CHAT, expected="", max_tokens=None) == replace(CHAT, expected=None, max_tokens=None)
    assert one(TURNS, text="New", system="S") == replace(
        TURNS, messages=(Message("system", "S"), *TURNS.messages[:2], Message("user", "New"))
    )
    assert one(TEXT, text="Twice") == replace(TEXT, text="Twice")
    chat = one(TEXT, system="S")
    assert (chat.text, chat.messages) == (None, (Message("system", "S"), Message("user", "Once upon")))


def test_a_prompt_that_no_user_asks() -> None:
    only = Prompt("a", (Message("developer", "Go"),))
    assert row_of(only) == EditRow("a", None, "Go", None, None, 1)
    assert one(only, text="Stop").messages == (Message("developer", "Stop"),)
    assert edited(PromptSet("s", (only,)), [row_of(only)]).prompts == (only,)


def test_rows_are_added_deleted_and_counted() -> None:
    new = EditRow(None, None, "New?", "yes", 3)
    found = edited(SET, [*rows()[1:], new, EditRow(None, "S", "Another?", None, None)])
    assert found.prompts[2:] == (
        Prompt("row-0003", (Message("user", "New?"),), expected="yes", max_tokens=3),
        Prompt("row-0004", (Message("system", "S"), Message("user", "Another?"))),
    )
    assert changes(SET, found) == Changes(0, 2, 1)
    texts = PromptSet("s", (TEXT, replace(TEXT, id="row-0003")))
    assert edited(texts, [*map(row_of, texts.prompts), new]).prompts[2] == Prompt(
        "row-0004", text="New?", expected="yes", max_tokens=3
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"text": " "}, r"row 1 \(chat\): the prompt has no text; type one, or delete the row"),
        ({"text": None}, "the prompt has no text"),
        ({"max_tokens": 0}, r"row 1 \(chat\): max tokens is 0, but must be at least 1, or empty"),
    ],
)
def test_a_row_that_is_no_prompt_is_named(change: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        one(CHAT, **change)


def test_an_answer_that_the_rule_cannot_use_is_named() -> None:
    sums = replace(SET, score="numeric", prompts=(TEXT,))
    with pytest.raises(InputError, match=r"row 1 \(text\): the expected answer 'many' holds no number"):
        edited(sums, [replace(row_of(TEXT), expected="many")])
    with pytest.raises(InputError, match="row 2: the prompt has no text"):
        edited(sums, [row_of(TEXT), EditRow(None, None, None, None, None)])
    with pytest.raises(InputError, match="every row was deleted"):
        edited(sums, [])


class TestJson:
    def test_there_and_back(self) -> None:
        for prompt in SET.prompts:
            assert from_json_text(json_text(prompt), prompt) == prompt

    def test_turns_and_documents_can_be_changed(self) -> None:
        text = json_text(TURNS).replace('"So"', '"Never"').replace('"text": "x"', '"text": "y"')
        found = from_json_text(text, TURNS)
        assert (found.id, found.messages[1].content, found.documents[0].text) == ("turns", "Never", "y")
        taken = edited(SET, rows(), {"turns": found})
        assert taken.prompts[1] == found
        assert changes(SET, taken) == Changes(1, 0, 0)

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("{", "this is not JSON: "),
            ("[" * 100_000, "not JSON"),
            ("5", "a prompt is an object"),
            ("{}", "the row has no text"),
            ('{"messages": [{"role": "wizard", "content": "x"}]}', "no role that is known"),
            (
                '{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}',
                "the last message is the assistant's; put it under expected",
            ),
        ],
    )
    def test_what_is_no_prompt(self, text: str, says: str) -> None:
        with pytest.raises(InputError, match=says):
            from_json_text(text, TURNS)


ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool"])
MESSAGES = st.lists(st.builds(Message, ROLES, st.text()), min_size=1, max_size=4)


@given(MESSAGES.map(tuple), st.none() | st.text(), st.none() | st.integers(1, 99))
def test_any_prompt_comes_back_from_its_row(
    messages: tuple[Message, ...], expected: str | None, limit: int | None
) -> None:
    prompt = Prompt("a", messages, expected=expected, max_tokens=limit)
    assert edited(PromptSet("s", (prompt,)), [row_of(prompt)]).prompts == (prompt,)
