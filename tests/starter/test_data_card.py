"""The prompt sets' data card says what is in the files."""

from __future__ import annotations

import hashlib
import re
from functools import cache

import pytest
from tokenizers import Tokenizer

from starter.folder import MODELS
from starter.prompt_sets import PROMPTS_DIR, make_all
from starter.rows import LICENSE, PromptSet
from starter.tokenizer import TURN_END, TURN_START

CARD = (PROMPTS_DIR / "README.md").read_text(encoding="utf-8")
MADE = make_all()


def rows_of(first_cell: str) -> list[list[str]]:
    found = re.findall(rf"^\| `{re.escape(first_cell)}` \|(.*)\|$", CARD, re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in found]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(MODELS / "target" / "tokenizer.json"))


def test_the_card_lists_the_sets_and_no_other() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \|", CARD, re.MULTILINE)
    assert listed == [prompt_set.name for prompt_set in MADE]
    assert f"license: {LICENSE.lower()}" in CARD


@pytest.mark.parametrize("prompt_set", MADE, ids=lambda prompt_set: prompt_set.name)
def test_counts_rules_and_hashes_are_those_of_the_files(prompt_set: PromptSet) -> None:
    ((prompts, *_, rule, _),) = rows_of(prompt_set.name)
    assert (int(prompts), rule) == (len(prompt_set.rows), prompt_set.score)
    file = PROMPTS_DIR / f"{prompt_set.name}.jsonl"
    assert rows_of(file.name) == [[f"`{hashlib.sha256(file.read_bytes()).hexdigest()}`"]]


def test_prompts_are_as_long_as_the_card_says_and_their_answers_fit(tokenizer: Tokenizer) -> None:
    @cache
    def count(text: str) -> int:
        return len(tokenizer.encode(text).ids)

    for prompt_set in MADE:
        ((_, _, tokens, *_),) = rows_of(prompt_set.name)
        low, high = (int(number.replace(",", "")) for number in tokens.split(" to "))
        sizes = [
            sum(
                count(f"{TURN_START}{m['role']}\n") + count(m["content"]) + count(f"{TURN_END}\n")
                for m in row.rendered()
            )
            + count(f"{TURN_START}assistant\n")
            for row in prompt_set.rows
        ]
        assert abs(min(sizes) - low) < 10, (prompt_set.name, min(sizes))
        assert abs(max(sizes) - high) < 10, (prompt_set.name, max(sizes))
        for row, size in zip(prompt_set.rows, sizes, strict=True):
            told = "\n".join(message["content"] for message in row.rendered() if message["role"] != "system")
            said = re.split(r"\n|(?<=[.?!]) ", told)
            lines = [line for line in said if row.expected in line] or [row.expected]
            # One more token ends the answer.
            assert max(map(count, lines)) + 1 <= row.max_tokens, row.id
            assert size + row.max_tokens <= 2048
