"""Rung's own token counts, with a real tokenizer of a few words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from app.prompts.prompt_set import PromptSet
from app.prompts.token_counts import count_tokens
from optimizers.prompt import Message, Prompt
from tests.building import checkpoint_folder, record

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}> {{ m.content }} {% endfor %}{% if add_generation_prompt %}go{% endif %}"
)
PROMPTS = PromptSet("s", (Prompt("a", (Message("user", "one two three"),)), Prompt("b", text="one two")))


@pytest.fixture
def tokenized(tmp_path: Path) -> Path:
    folder = checkpoint_folder(tmp_path / "m", chat_template=False)
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "one": 1, "two": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def test_chat_prompts_count_with_their_template_and_answers_without(tokenized: Path) -> None:
    records = [record(0, text="one two"), record(1, text="")]
    # "< user > one two three go" and "one two"
    assert count_tokens(tokenized, PROMPTS, records, chat=True) == {0: (7, 2), 1: (2, 0)}


def test_without_a_template_the_plain_text_counts(tokenized: Path) -> None:
    # "user : one two three assistant :"
    assert count_tokens(tokenized, PROMPTS, [record(0)], chat=False)[0][0] == 7


def test_a_template_that_refuses_the_messages_leaves_the_count_unknown(tokenized: Path) -> None:
    path = tokenized / "tokenizer_config.json"
    config = json.loads(path.read_text()) | {"chat_template": "{{ raise_exception('no system role') }}"}
    path.write_text(json.dumps(config))
    assert count_tokens(tokenized, PROMPTS, [record(0, text="one")], chat=True) == {0: (None, 1)}


def test_a_tokenizer_that_nobody_here_can_read_gives_no_counts(tmp_path: Path) -> None:
    folder = checkpoint_folder(tmp_path / "m")
    assert count_tokens(folder, PROMPTS, [record(0)], chat=True) == {}
