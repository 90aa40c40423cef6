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


def test_a_system_column_makes_a_chat() -> None:
    for name in ("system", "system_prompt", "prefix"):
        prompt = one({name: "Be brief", "prompt": "Why?"})
        assert prompt.messages == (Message("system", "Be brief"), Message("user", "Why?"))
    assert one({"system": " ", "prompt": "Why?"}).text == "Why?"
    chat = one({"system": "unused", "messages": [{"role": "user", "content": "Hi"}]})
    assert [message.role for message in chat.messages] == ["user"]


@pytest.mark.parametrize("name", ["output_tokens", "output_tokens_count", "max_output_tokens"])
def test_datasets_of_vllm_and_guidellm_say_how_long_an_answer_is(name: str) -> None:
    assert one({"prompt": "x", name: 10}).max_tokens == 10


def test_capital_headers_of_a_spreadsheet() -> None:
    (prompt,) = read("Question,Answer,Max tokens\nWhy?,So,7\n", suffix=".csv").prompts
    assert (prompt.text, prompt.expected, prompt.max_tokens) == ("Why?", "So", 7)


def test_alpaca_rows_keep_their_input() -> None:
    assert one({"instruction": "Translate", "input": "Haus", "output": "house"}) == Prompt(
        "row-0001", text="Translate\n\nHaus", expected="house"
    )
    assert one({"instruction": "Count", "input": "", "output": "1"}).text == "Count"


def test_questions_with_turns_are_asked_by_their_first() -> None:
    prompt = one({"question_id": 81, "category": "writing", "turns": ["Write.", "Rewrite."]})
    assert (prompt.id, prompt.text) == ("81", "Write.")
    with pytest.raises(InputError, match="turns hold no answers between them; give the conversation as messages"):
        one({"session_id": "a", "turns": [{"text": "Hello"}]})


def test_openai_responses_rows() -> None:
    body = {"model": "m", "input": "Hi", "max_output_tokens": 3}
    assert one({"custom_id": "r", "body": body}) == Prompt("r", text="Hi", max_tokens=3)
    assert one({"input": [{"role": "user", "content": "Hi"}]}).messages == (Message("user", "Hi"),)


def test_an_aiperf_trace_with_texts() -> None:
    prompt = one({"timestamp": 1500, "text_input": "Hello", "output_length": 4})
    assert (prompt.text, prompt.max_tokens, prompt.arrival_s) == ("Hello", 4, 1.5)


def test_json_within_csv() -> None:
    table = (
        'id,messages,documents\na,"[{""role"": ""user"", ""content"": ""{{documents}} Why?""}]","[""one"", ""two""]"\n'
    )
    prompt = read(table, suffix=".csv").prompts[0]
    assert prompt.messages == (Message("user", "{{documents}} Why?"),)
    assert [document.text for document in prompt.documents] == ["one", "two"]
    with pytest.raises(InputError, match="line 2: messages is no whole list in JSON"):
        read('messages\n"[{"\n', suffix=".csv")
