"""`prompts stats`: what it prints and refuses, with a tokenizer of nine words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.commands.conftest import Rung, check
from tests.app.prompts.test_encoding import make_tokenizer
from tests.building import checkpoint_folder


@pytest.fixture
def tokenized(tmp_path: Path) -> Path:
    folder = checkpoint_folder(tmp_path / "tokenized")
    (folder / "chat_template.jinja").unlink()
    return make_tokenizer(folder)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shared.jsonl"
    texts = ["one two " * 3 + end for end in ("one", "two", "go")]
    path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    return path


def test_the_document(rung: Rung, tokenized: Path, file: Path) -> None:
    said = rung("prompts", "stats", file, "--model", tokenized, "--block-size", 2, "--json")
    assert (said.code, said.err) == (0, "")
    document = said.json
    assert (document["schema"], document["prompt_set"], document["prompts"]) == ("rung.prompt_stats/1", "shared", 3)
    # [BOS] and seven words each.
    assert document["tokens"] == {
        "tokenizer": "tokenized", "total": 24, "mean": 8.0, "p50": 8.0, "p95": 8.0, "max": 8,
    }  # fmt: skip
    assert document["shared_prefix"] == [
        {
            "block_size": 2, "tokens": 24, "predicted_hits": 12, "predicted_hit_rate": 0.5, "distinct_tokens": 12,
            "groups": [{"tokens": 6, "prompts": 3}],
        }
    ]  # fmt: skip


def test_both_usual_block_sizes_are_shown_to_people(rung: Rung, tokenized: Path, file: Path) -> None:
    said = rung("prompts", "stats", file, "--model", tokenized)
    assert said.code == 0
    assert "shared: 3 prompts" in said.out
    assert {line.split()[0] for line in said.out.splitlines() if line.strip()[:3] in ("16 ", "128")} == {"16", "128"}
    shown = rung("prompts", "stats", file, "--model", tokenized, "--block-size", 2).out
    assert "12 of 24" in shown
    assert "50.0%" in shown
    assert "6 by 3" in shown


def test_bad_input_is_one_line(rung: Rung, model: Path, tokenized: Path, file: Path) -> None:
    check(rung("prompts", "stats", file, "--model", tokenized, "--block-size", 0), "--block-size is 0")
    check(rung("prompts", "stats", "nowhere", "--model", tokenized), "no prompt set or file 'nowhere'")
    check(rung("prompts", "stats", file, "--model", "nobody"), "model 'nobody'")
    make_tokenizer(tokenized, "{{ raise_exception('no') }}")
    chat = file.with_name("chat.jsonl")
    chat.write_text('{"id": "c1", "messages": [{"role": "user", "content": "one"}]}\n')
    check(rung("prompts", "stats", chat, "--model", tokenized), "chat template of tokenized refuses the prompt 'c1'")


def test_shared_beginnings_with_their_words(rung: Rung, tokenized: Path, file: Path) -> None:
    document = rung("prompts", "stats", file, "--model", tokenized, "--block-size", 2, "--json").json
    assert document["tokenizers"] is None
    # [BOS] and six words, shared by three; two of them end alike only in their last word.
    (whole,) = [each for each in document["shared_beginnings"] if each["prompts"] == 3]
    assert (whole["tokens"], whole["whole_block_tokens"], whole["repeated_tokens"]) == (7, 6, 14)
    assert whole["words"] == "[BOS] one two one two one two"
    assert "[BOS] one two one two one two" in rung("prompts", "stats", file, "--model", tokenized).out


def test_every_tokenizer_side_by_side(rung: Rung, tokenized: Path, file: Path) -> None:
    assert rung("models", "add", tokenized).code == 0
    said = rung("prompts", "stats", file, "--model", "tokenized", "--tokenizers", "--json").json["tokenizers"]
    found = {", ".join(each["names"]): each for each in said}
    assert found["tokenized"]["counts"]["total"] == 24
    assert found["starter"]["counts"] is None
    assert "is not whole" in found["starter"]["why"]
    shown = rung("prompts", "stats", file, "--model", "tokenized", "--tokenizers").out
    assert "Tokenizer" in shown
    assert "starter: the built-in model starter is not whole" in " ".join(shown.split())
