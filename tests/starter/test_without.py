"""Taking the answer's source away leaves the question and the rest of the context."""

from dataclasses import replace

import pytest

from starter.prompt_sets import make_all
from starter.rows import Document, Row, user
from starter.without import without_answer

ROW = Row(id="r", messages=(user("It rained. The repair cost 120.80 EUR. Nobody minded 3.5 days.\n\nQuestion: What?"),),
          expected="120.80 EUR", max_tokens=8)  # fmt: skip


def test_the_sentence_with_the_answer_goes_and_the_others_stay() -> None:
    found = without_answer(ROW)
    assert found is not None
    assert found.messages[0]["content"] == "It rained. Nobody minded 3.5 days.\n\nQuestion: What?"


def test_the_document_with_the_answer_goes() -> None:
    row = replace(ROW, documents=(Document("a", "x"), Document("b", "120.80 EUR")), answer_document="b")
    found = without_answer(row)
    assert found is not None
    assert [document.id for document in found.documents] == ["a"]


def test_all_lines_of_a_record_go() -> None:
    row = replace(ROW, messages=(user("A: 1\nB: 2\n\nC: 3\n\nCopy it."),), expected="A: 1\nB: 2")
    found = without_answer(row)
    assert found is not None
    assert found.messages[0]["content"] == "\nC: 3\n\nCopy it."


def test_an_answer_spread_over_the_prompt_is_not_asked_for() -> None:
    assert without_answer(replace(ROW, expected='{"order": "4821"}')) is None


@pytest.mark.parametrize(
    "prompt_set", [made for made in make_all() if made.score != "json"], ids=lambda made: made.name
)
def test_no_saved_answer_is_left_and_every_question_is(prompt_set: object) -> None:
    for row in prompt_set.rows:  # type: ignore[attr-defined]
        found = without_answer(row)
        assert found is not None
        left = "\n".join(message["content"] for message in found.rendered())
        assert not any(line in left.split("\n") for line in row.expected.split("\n")), row.id
        if "\n" not in row.expected and row.answer_document is None:
            assert row.expected not in left, row.id
        assert found.messages[-1]["content"].rstrip()[-20:] == row.messages[-1]["content"].rstrip()[-20:], row.id
