"""Tokens and their numbers, as each kind of tokenizer.json has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.engine.vocabulary import read_vocabulary


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"model": {"vocab": {"a": 0, "b": 1}}}, {"a": 0, "b": 1}),
        ({"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 7, "content": "<end>"}]}, {"a": 0, "<end>": 7}),
        ({"model": {"vocab": [["<unk>", 0.0], ["a", -1.5]]}, "added_tokens": None}, {"<unk>": 0, "a": 1}),
    ],
)
def test_each_kind_of_model(tmp_path: Path, document: Any, expected: dict[str, int]) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    assert read_vocabulary(tmp_path) == expected


@pytest.mark.parametrize(
    "text", [None, "", "{}", "[]", '{"model": []}', '{"model": {"vocab": 3}}', '{"model": {"vocab": [1]}}']
)
def test_a_file_that_does_not_say_is_no_answer(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "tokenizer.json").write_text(text)
    assert read_vocabulary(tmp_path) is None


def test_a_tokenizer_that_was_changed_is_read_anew(tmp_path: Path) -> None:
    for tokens in ({"a": 0}, {"a": 0, "b": 1}):
        (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": tokens}}))
        assert read_vocabulary(tmp_path) == tokens
