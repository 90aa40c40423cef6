"""Prompt files that cannot be used: one line each, with the file, the row and what to do."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.prompts import decode
from app.prompts.decode import MAX_LINE_BYTES
from app.prompts.files import read_prompt_file, read_prompts, slug
from optimizers.errors import InputError

GOOD = b'{"id": "a", "prompt": "fine"}\n'


def refusal(content: bytes, suffix: str = ".jsonl") -> str:
    with pytest.raises(InputError) as caught:
        read_prompts(io.BytesIO(content), "my.file", suffix, "set")
    message = str(caught.value)
    assert message.startswith("my.file")
    assert "\n" not in message
    assert len(message) < 400
    return message


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv"])
def test_an_empty_file(content: bytes, suffix: str) -> None:
    assert "is empty; give it" in refusal(content, suffix)


@pytest.mark.parametrize(
    ("content", "suffix"),
    [(b"[]", ".json"), (b"prompt,answer\n", ".csv"), (b'{"schema": "rung.prompts/1"}\n', ".jsonl")],
)
def test_a_file_without_rows(content: bytes, suffix: str) -> None:
    assert refusal(content, suffix) == "my.file holds no prompt; give it one row a prompt"


def test_text_that_is_not_utf8() -> None:
    message = refusal(GOOD + '{"prompt": "naïve"}'.encode("latin-1"))
    assert (
        message == "my.file, line 2: byte 0xef at column 15 is not UTF-8; save the file as UTF-8; nothing was imported"
    )
    assert "byte 0xff at column 1 is not UTF-8" in refusal("hello".encode("utf-16"))
    assert "is not UTF-8" in refusal(b"prompt\nna\xefve\n", ".csv")


@pytest.mark.parametrize("broken", [b'{"prompt": "half', b'{"prompt": "x"', b'{"prompt":', b"{"])
def test_a_row_that_is_cut_off(broken: bytes) -> None:
    message = refusal(GOOD + broken)
    assert message.startswith("my.file, line 2: cut off at column ")
    assert message.endswith("nothing was imported")


def test_a_row_that_is_no_json() -> None:
    assert "line 2: not JSON (" in refusal(GOOD + b"prompt: hello\n")
    assert "line 1: not JSON (Extra data) at column 15" in refusal(b'{"prompt":"a"}{"prompt":"b"}\n')


def test_a_document_that_is_cut_off() -> None:
    assert "is not whole JSON: " in refusal(b'[{"prompt": "a"},\n {"prompt": ', ".json")
    assert "is not whole JSON: " in refusal(b'{"prompts": [\n', ".json")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({}, "the row has no text: give it messages, or one of prompt, text, "),
        ({"prompt": "  "}, "the row has no text"),
        ({"prompt": None}, "the row has no text"),
        ({"prompt": ["a"]}, "the row has no text"),
        ({"prompts": "hello"}, "the row has no text"),
        (5, "a row must be an object with messages or a prompt, not a number"),
        (None, "not null"),
        ([1], "my.file"),
        ({"messages": []}, "messages must be a list with at least one message"),
        ({"messages": {"role": "user"}}, "messages must be a list"),
        ({"messages": ["hi"]}, "message 1 must be an object with role and content, not a text"),
        ({"messages": [{"role": "user", "content": " "}]}, "the messages hold no text"),
        ({"messages": [{"role": "user"}]}, "message 1 has no text in its content"),
        ({"messages": [{"content": "x"}]}, "message 1 has no role that is known"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "(one of: assistant, developer, system, tool, user)"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "only text can be replayed"),
        ({"prompt": "x", "max_tokens": 0}, "max_tokens is 0, but must be a whole number of at least 1"),
        ({"prompt": "x", "max_tokens": "²"}, "max_tokens is '²', but must be a whole number"),
        ({"prompt": "x", "max_tokens": 2.5}, "max_tokens is 2.5"),
        ({"prompt": "x", "max_tokens": True}, "max_tokens is True"),
        ({"prompt": "x", "turn": "first"}, "turn is 'first'"),
        ({"prompt": "x", "documents": "one"}, "documents must be a list, not a text"),
        ({"prompt": "x", "documents": [{"id": 1}]}, "document 1 must be a text or an object with id and text"),
        ({"prompt": "x", "tags": 5}, "tags must be a list of texts, not a number"),
        ({"prompt": "\ud800 x"}, "holds half a character"),
        ({"prompt": "x", "expected": "\udfff"}, "holds half a character"),
    ],
)
def test_a_row_that_is_no_prompt_is_named(row: Any, says: str) -> None:
    message = refusal(GOOD + json.dumps(row).encode() + b"\n")
    assert "line 2" in message
    assert says in message


def test_an_id_used_twice_names_both_places() -> None:
    message = refusal(GOOD + b"\n" + GOOD)
    assert message == "my.file, line 3: the id 'a' was used at line 1; nothing was imported"


def test_a_list_names_the_row() -> None:
    assert "my.file, row 2: the row has no text" in refusal(b'[{"prompt": "a"},\n {}]', ".json")


class TestCsv:
    def test_no_column_of_text(self) -> None:
        assert "line 2: the row has no text" in refusal(b"name,age\nAda,36\n", ".csv")

    def test_a_comma_outside_quotes_is_not_cut_away(self) -> None:
        message = refusal(b"prompt\nHello, you\n", ".csv")
        assert "line 2: more fields than the header; put quotes around text that holds the separator" in message

    def test_a_quote_that_is_never_closed(self) -> None:
        assert "my.file, line " in refusal(b'prompt\n"Hello\n', ".csv")

    def test_a_cell_without_text_names_its_line(self) -> None:
        assert "my.file, line 3: the row has no text" in refusal(b"prompt,id\na,1\n,2\n", ".csv")


class TestSizes:
    def test_a_line_above_the_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(decode, "MAX_LINE_BYTES", 2**20)
        row = b'{"prompt": "' + b"x" * 2**20 + b'"}\n'
        message = refusal(GOOD + row)
        assert message.startswith("my.file, line 2 is longer than 1 MiB; put one prompt on each line")
        monkeypatch.setattr(decode, "MAX_LINE_BYTES", len(row))
        assert len(read_prompts(io.BytesIO(GOOD + row), "f", ".jsonl", "s").prompts) == 2

    def test_a_line_of_100_megabytes_is_refused_unread(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.jsonl"
        path.write_bytes(GOOD)
        with path.open("ab") as stream:
            stream.truncate(100 * 2**20)
        with path.open("rb") as stream:
            with pytest.raises(InputError, match="line 2 is longer than 4 MiB"):
                read_prompts(stream, "huge", ".jsonl", "s")
            assert stream.tell() < 2 * MAX_LINE_BYTES

    def test_a_file_above_the_limit(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.jsonl"
        with path.open("wb") as stream:
            stream.truncate(600 * 2**20)
        with pytest.raises(InputError, match="has 600 MiB; split it below 512 MiB"):
            read_prompt_file(path)

    @pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b'{"prompt": "x", "max_tokens": %s}'])
    def test_depths_and_numbers_beyond_reason(self, content: bytes) -> None:
        content = content.replace(b"%s", b"9" * 5000)
        for suffix in (".jsonl", ".json"):
            assert "too" in refusal(content, suffix) or "not whole JSON" in refusal(content, suffix)


class TestPaths:
    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"nothing\.jsonl: cannot be read \(No such file or directory\)"):
            read_prompt_file(tmp_path / "nothing.jsonl")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"is a folder; name a \.jsonl, \.json or \.csv file in it"):
            read_prompt_file(tmp_path)

    def test_a_name_too_long_for_any_file(self) -> None:
        with pytest.raises(InputError, match="cannot be read"):
            read_prompt_file(Path("x" * 5000))


@pytest.mark.parametrize("name", ["", "---", "日本"])
def test_a_name_without_a_letter_or_digit(name: str) -> None:
    with pytest.raises(InputError, match="no usable name"):
        slug(name)


HEADER = b'{"schema": "rung.prompts/1", "score": "%s"}\n'


@pytest.mark.parametrize(
    ("content", "suffix", "says"),
    [
        (HEADER % b"fuzzy" + GOOD, ".jsonl", "my.file, line 1: score 'fuzzy' is no rule; use one of: contains, "),
        (HEADER % b"json" + GOOD + b'{"prompt": "x", "expected": "{1}"}\n', ".jsonl",
         "my.file, line 3: the expected answer '{1}' is not JSON, as the rule 'json' needs it; nothing was imported"),
        (HEADER % b"regex" + b'{"prompt": "x", "expected": "("}\n', ".jsonl",
         "my.file, line 2: the expected answer '(' is no regular expression (missing )"),
        (HEADER % b"numeric" + b'{"prompt": "x", "expected": "none"}\n', ".jsonl",
         "my.file, line 2: the expected answer 'none' holds no number"),
    ],
)  # fmt: skip
def test_an_expected_answer_that_its_rule_cannot_use(content: bytes, suffix: str, says: str) -> None:
    assert refusal(content, suffix).startswith(says)


def test_a_rule_that_is_given_goes_before_the_headers() -> None:
    content = HEADER % b"exact" + b'{"prompt": "x", "expected": "none"}\n'
    assert read_prompts(io.BytesIO(content), "my.file", ".jsonl", "set").score == "exact"
    assert read_prompts(io.BytesIO(content), "my.file", ".jsonl", "set", "regex").score == "regex"
    with pytest.raises(InputError, match="line 2: the expected answer 'none' holds no number"):
        read_prompts(io.BytesIO(content), "my.file", ".jsonl", "set", "numeric")


def test_names_become_typable() -> None:
    assert slug("My Prompts (v2).final") == "my-prompts-v2-final"
    assert len(slug("x" * 200)) == 80


LINES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [GOOD.strip(), b"{", b"[", b'"text"', b"prompt,id", b'{"messages": [{}]}', b"NaN", b"", b'"\\ud800"']
        ),
    ),
    max_size=5,
)


@given(LINES, st.sampled_from([".jsonl", ".json", ".csv", ".tsv", ".txt"]))
def test_any_bytes_are_prompts_or_refused_in_one_line(lines: list[bytes], suffix: str) -> None:
    refused: str | None = None
    try:
        found = read_prompts(io.BytesIO(b"\n".join(lines)), "my.file", suffix, "set")
        assert found.prompts
        assert found.content_hash
    except InputError as error:
        refused = str(error)
    assert refused is None or (refused.startswith("my.file") and len(refused.splitlines()) == 1)
