"""Every common way of writing prompts down, read into the same thing."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from app.prompts.files import read_prompts
from app.prompts.prompt_set import PromptSet
from optimizers.errors import InputError
from optimizers.prompt import Document, Message, Prompt


def read(*rows: Any, suffix: str = ".jsonl") -> PromptSet:
    """JSON rows, one a line; a text is taken as it stands."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return read_prompts(io.BytesIO("\n".join(lines).encode()), "file", suffix, "set")


def one(row: Any) -> Prompt:
    (prompt,) = read(row).prompts
    return prompt


def test_native_rows_with_everything() -> None:
    row = {
        "id": "a",
        "messages": [{"role": "system", "content": "Use {{documents}}"}, {"role": "user", "content": "Which?"}],
        "documents": [{"id": "x", "text": "one"}, "two"],
        "expected": "one",
        "max_tokens": 5,
        "answer_document": "x",
        "conversation": "c",
        "turn": 2,
        "tags": ["t"],
        "arrival_s": 2.5,
    }
    prompt = one(row)
    assert prompt == Prompt(
        id="a",
        messages=(Message("system", "Use {{documents}}"), Message("user", "Which?")),
        expected="one",
        max_tokens=5,
        documents=(Document("x", "one"), Document("d2", "two")),
        answer_document="x",
        conversation="c",
        turn=2,
        tags=("t",),
        arrival_s=2.5,
    )
    assert Prompt.from_json(prompt.to_json()) == prompt
    assert prompt.rendered_messages()[0]["content"] == "Use one\n\ntwo"


def test_recorded_times_are_seconds_or_dates() -> None:
    assert one({"prompt": "x", "arrival_s": "3"}).arrival_s == 3.0
    first, second = (
        one({"prompt": "x", "timestamp": f"2026-11-25T08:00:0{at}+00:00"}).arrival_s for at in ("0", "1.5")
    )
    assert first is not None
    assert second is not None
    assert second - first == 1.5
    assert one({"prompt": "x", "timestamp": "yesterday"}).arrival_s is None


@pytest.mark.parametrize("value", ["soon", True, "nan", [1]])
def test_a_recorded_time_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="but must be a number of seconds"):
        one({"prompt": "x", "arrival_s": value})


def test_the_native_header_names_the_set() -> None:
    header = {"schema": "rung.prompts/1", "title": "Letters", "description": "Some letters"}
    found = read(header, {"prompt": "x"})
    assert (found.title, found.description, len(found.prompts)) == ("Letters", "Some letters", 1)


def test_openai_chat_rows_end_with_the_expected_answer() -> None:
    row = {
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
            {"role": "assistant", "content": "four"},
        ]
    }
    prompt = one(row)
    assert [message.content for message in prompt.messages] == ["one", "two", "three"]
    assert prompt.expected == "four"


def test_openai_content_parts() -> None:
    parts = [{"type": "text", "text": "What "}, {"type": "text", "text": "now?"}]
    assert one({"messages": [{"role": "user", "content": parts}]}).messages == (Message("user", "What now?"),)


def test_openai_batch_rows() -> None:
    body = {"model": "m", "max_completion_tokens": 7, "messages": [{"role": "user", "content": "Hi"}]}
    prompt = one({"custom_id": "request-1", "method": "POST", "url": "/v1/chat/completions", "body": body})
    assert (prompt.id, prompt.max_tokens, prompt.messages) == ("request-1", 7, (Message("user", "Hi"),))
    plain = one({"custom_id": "request-2", "body": {"prompt": "Once", "max_tokens": 3}})
    assert (plain.text, plain.max_tokens, plain.is_chat) == ("Once", 3, False)


def test_sharegpt_conversations() -> None:
    row = {
        "id": "identity_0",
        "conversations": [
            {"from": "system", "value": "Be kind"},
            {"from": "human", "value": "Who are you?"},
            {"from": "gpt", "value": "A model"},
        ],
    }
    prompt = one(row)
    assert [message.role for message in prompt.messages] == ["system", "user"]
    assert (prompt.id, prompt.expected) == ("identity_0", "A model")


@pytest.mark.parametrize("field", ["prompt", "text", "question", "instruction", "input", "query"])
def test_plain_rows_by_any_name(field: str) -> None:
    prompt = one({field: "Why?", "answer": 42})
    assert (prompt.text, prompt.expected, prompt.id) == ("Why?", "42", "row-0001")


def test_lines_that_are_only_text() -> None:
    assert [prompt.text for prompt in read('"first"', '"second"').prompts] == ["first", "second"]


def test_a_json_array_of_rows_or_texts() -> None:
    for suffix in (".json", ".jsonl"):
        found = read('[{"prompt": "a"},', ' "b"]', suffix=suffix)
        assert [prompt.text for prompt in found.prompts] == ["a", "b"]


@pytest.mark.parametrize("key", ["prompts", "data", "rows", "requests"])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_document_around_its_rows(key: str, indent: int | None) -> None:
    text = json.dumps({"version": 1, key: [{"prompt": "a"}, {"prompt": "b"}]}, indent=indent)
    assert [prompt.text for prompt in read(text, suffix=".json").prompts] == ["a", "b"]


def test_a_json_file_with_one_row_or_with_lines() -> None:
    assert read(json.dumps({"prompt": "a"}, indent=2), suffix=".json").prompts[0].text == "a"
    assert len(read({"prompt": "a"}, {"prompt": "b"}, suffix=".json").prompts) == 2


def test_csv_with_quotes_commas_and_line_breaks() -> None:
    text = 'id,prompt,answer,max_tokens,tags\nq1,"Hello, ""you""\nand you",yes,5,"a, b"\nq2,Short,,,\n'
    first, second = read(text, suffix=".csv").prompts
    assert (first.text, first.expected, first.max_tokens, first.tags) == ('Hello, "you"\nand you', "yes", 5, ("a", "b"))
    assert (second.id, second.expected, second.max_tokens, second.tags) == ("q2", None, None, ())


def test_tsv() -> None:
    for suffix in (".tsv", ".csv"):
        (prompt,) = read("prompt\texpected\nHello, you\tyes\n", suffix=suffix).prompts
        assert (prompt.text, prompt.expected) == ("Hello, you", "yes")


def test_blank_lines_byte_order_marks_and_carriage_returns_do_no_harm() -> None:
    body = '\ufeff{"prompt": "a"}\r\n\r\n  \r\n{"prompt": "b"}\r\n'.encode()
    found = read_prompts(io.BytesIO(body), "file", ".jsonl", "set")
    assert [prompt.text for prompt in found.prompts] == ["a", "b"]
    found = read_prompts(io.BytesIO("\ufeffprompt,id\r\na,1\r\n".encode()), "file", ".csv", "set")
    assert [(prompt.text, prompt.id) for prompt in found.prompts] == [("a", "1")]


def test_line_and_paragraph_separators_inside_text_end_no_line() -> None:
    assert one('{"prompt": "a\u2028b\u0085c"}').text == "a\u2028b\u0085c"


def test_ids_are_kept_and_made_where_there_are_none() -> None:
    found = read({"prompt": "a", "prompt_id": 7}, {"prompt": "b", "id": ""}, {"prompt": "c"})
    assert [prompt.id for prompt in found.prompts] == ["7", "row-0002", "row-0003"]
