"""A file looked at before it is saved: formats, good rows, bad rows, columns."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.prompts import draft as module
from app.prompts.dialects import AS_NAMED, NOT_USED, Columns, guessed
from app.prompts.draft import Draft, read_draft
from app.prompts.files import read_prompts
from optimizers.errors import InputError
from optimizers.prompt import Message


def look(*rows: Any, suffix: str = ".jsonl", columns: Columns = AS_NAMED, score: str | None = None) -> Draft:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return read_draft(io.BytesIO("\n".join(lines).encode()), "my.file", suffix, score, columns)


def test_good_rows_and_bad_ones_are_told_apart() -> None:
    found = look({"prompt": "One?"}, '{"prompt": "cut', {"name": "Ada"}, "not json", {"prompt": "Two?"})
    assert [prompt.text for prompt in found.prompts] == ["One?", "Two?"]
    assert [(each.place, each.problem.split(":")[0]) for each in found.problems] == [
        ("line 2", "cut off at column 16"),
        ("line 3", "the row has no text"),
        ("line 4", "not JSON (Expecting value) at column 1"),
    ]
    assert found.problems[1].row == '{"name": "Ada"}'
    assert found.prompt_set("x").name == "x"


def test_a_byte_that_is_not_utf8_spoils_its_row_only() -> None:
    found = read_draft(io.BytesIO(b'{"prompt": "a"}\n{"prompt": "na\xefve"}\n{"prompt": "b"}\n'), "f", ".jsonl")
    assert [prompt.text for prompt in found.prompts] == ["a", "b"]
    assert found.problems[0].problem.startswith("byte 0xef at column 15 is not UTF-8")


def test_csv_rows_with_too_many_fields_are_told_and_the_rest_is_read() -> None:
    found = look("prompt,answer\nOne?,1\nHello, you,2,3\nTwo?,2\n", suffix=".csv")
    assert [prompt.expected for prompt in found.prompts] == ["1", "2"]
    assert found.problems[0].place == "line 3"
    assert found.problems[0].problem.startswith("more fields than the header")
    assert found.columns == ("prompt", "answer")


def test_ids_and_answers_are_checked_row_by_row() -> None:
    found = look(
        {"id": 1, "prompt": "a"}, {"id": 1, "prompt": "b"}, {"prompt": "c", "expected": "many"}, score="numeric"
    )
    assert len(found.prompts) == 1
    assert [each.problem for each in found.problems] == [
        "the id '1' was used at line 1",
        "the expected answer 'many' holds no number, as the rule 'numeric' needs it",
    ]


def test_a_file_of_nothing_but_bad_rows_is_a_draft_without_a_set() -> None:
    found = look({"name": "Ada"}, {"name": "Grace"})
    assert (found.prompts, len(found.problems), found.formats) == ((), 2, ())
    with pytest.raises(InputError, match="holds no prompt"):
        found.prompt_set("x")


def test_what_spoils_the_whole_file_is_one_line() -> None:
    for rows, suffix, says in (
        (("",), ".jsonl", "is empty"),
        (('[{"prompt": "a"}, ',), ".json", "not whole JSON"),
        (('prompt\n"open\n',), ".csv", "line "),
    ):
        with pytest.raises(InputError, match=f"my.file.*{says}"):
            look(*rows, suffix=suffix)


def test_formats_are_named_with_their_rows() -> None:
    chat = {"messages": [{"role": "user", "content": "Hi"}]}
    found = look(chat, {"prompt": "a"}, chat, {"conversations": [{"from": "human", "value": "x"}]})
    assert found.formats == (("chat messages (OpenAI)", 2), ("rows with a column “prompt”", 1), ("ShareGPT", 1))
    assert look({"schema": "rung.prompts/1", "score": "exact"}, chat).formats == (("Rung's own", 1),)
    trace = {"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0]}
    assert look(trace).formats[0][0].startswith("trace without texts (Mooncake")


def test_columns_can_be_chosen() -> None:
    table = "frage;x,antwort,rolle,prompt,answer\nWarum?,Darum,Sei kurz,no,no\n"
    chosen = Columns(prompt="frage;x", expected="antwort", system="rolle")
    (prompt,) = look(table, suffix=".csv", columns=chosen).prompts
    assert prompt.messages == (Message("system", "Sei kurz"), Message("user", "Warum?"))
    assert prompt.expected == "Darum"
    (prompt,) = look(table, suffix=".csv", columns=Columns(expected=NOT_USED)).prompts
    assert (prompt.text, prompt.expected) == ("no", None)
    problem = look({"a": "x"}, columns=Columns(prompt="b")).problems[0].problem
    assert problem == "there is no column 'b'; it has: a"


def test_columns_are_guessed_by_their_names() -> None:
    assert guessed(("Question", "System prompt", "Ideal", "n")) == Columns("Question", "Ideal", "System prompt")
    assert guessed(("n", "m")) == Columns()


def test_made_up_texts_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MADE_CHARACTERS", 60)
    found = look(*[{"input_length": 10, "output_length": 1, "hash_ids": [at]} for at in range(3)])
    assert len(found.prompts) == 1
    assert "characters of made-up text; cut the trace here" in found.problems[0].problem


ROWS: st.SearchStrategy[list[Any]] = st.lists(
    st.one_of(
        st.sampled_from(
            [{"prompt": "a"}, {"messages": []}, {"turns": [1]}, {"hash_ids": None, "input_length": None}, 5, None, "x"]
        ),
        st.dictionaries(
            st.sampled_from(["prompt", "turns", "hash_ids", "input_length", "messages", "body", "input", "text_input"]),
            st.one_of(st.none(), st.text(max_size=4), st.lists(st.integers(), max_size=2), st.integers()),
        ),
    ),
    min_size=1,
    max_size=6,
)


@given(ROWS, st.sampled_from([".jsonl", ".json"]))
def test_every_row_is_a_prompt_or_a_problem_and_strictness_agrees(rows: list[Any], suffix: str) -> None:
    content = (json.dumps(rows) if suffix == ".json" else "\n".join(map(json.dumps, rows))).encode()
    found = read_draft(io.BytesIO(content), "f", suffix)
    assert len(found.prompts) + len(found.problems) == len(rows)
    if not found.problems:
        assert read_prompts(io.BytesIO(content), "f", suffix, "s").prompts == found.prompts
        return
    with pytest.raises(InputError) as caught:
        read_prompts(io.BytesIO(content), "f", suffix, "s")
    assert str(caught.value) == f"f, {found.problems[0].place}: {found.problems[0].problem}; nothing was imported"
