"""Token ids without transformers: the same ids, templates that refuse, files that nothing can be made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from app.prompts.encoding import Encoder, fingerprint
from optimizers.prompt import Message, Prompt

WORDS = {"[UNK]": 0, "[BOS]": 1, "one": 2, "two": 3, "user": 4, "system": 5, "go": 6, "<": 7, ">": 8}
TEMPLATE = (
    "{{ bos_token }} {% for m in messages %}< {{ m.role }} > {{ m.content }} {% endfor %}"
    "{% if add_generation_prompt %}go{% endif %}"
)
CHAT = Prompt("a", (Message("system", "two"), Message("user", "one three")))
CHAT_IDS = (1, 7, 5, 8, 3, 7, 4, 8, 2, 0, 6)


def make_tokenizer(folder: Path, template: Any = TEMPLATE, **config: Any) -> Path:
    tokenizer = Tokenizer(WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens(["[BOS]"])
    tokenizer.post_processor = TemplateProcessing(single="[BOS] $A", special_tokens=[("[BOS]", 1)])
    tokenizer.enable_truncation(4)
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    known = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", "bos_token": "[BOS]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(known | {"chat_template": template} | config))
    return folder


def encode(folder: Path, *prompts: Prompt, chat: bool = True) -> list[tuple[int, ...] | None]:
    encoder = Encoder.of(folder)
    assert encoder is not None
    return encoder.encode(prompts, chat)


def test_chats_go_through_the_template_and_texts_get_the_tokenizers_own_tokens(tmp_path: Path) -> None:
    folder = make_tokenizer(tmp_path)
    # The template writes [BOS] itself; a cut at four tokens, as the file asks for, would be no engine's.
    assert encode(folder, CHAT, Prompt("b", text="one two")) == [CHAT_IDS, (1, 2, 3)]


def test_without_a_template_a_chat_is_sent_as_plain_text(tmp_path: Path) -> None:
    # "system: two", "user: one three", "assistant:"
    assert encode(make_tokenizer(tmp_path), CHAT, chat=False) == [(1, 5, 0, 3, 4, 0, 2, 0, 0, 0)]


def test_a_template_may_be_one_of_several_or_a_file_of_its_own(tmp_path: Path) -> None:
    listed = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": TEMPLATE}]
    folder = make_tokenizer(tmp_path, listed, bos_token={"content": "[BOS]", "special": True})
    assert encode(folder, CHAT) == [CHAT_IDS]
    (folder / "chat_template.jinja").write_text("go")
    assert encode(folder, CHAT) == [(6,)]


@pytest.mark.parametrize("template", ["{{ raise_exception('no system role') }}", "{% for %}", None])
def test_a_template_that_cannot_serve_leaves_the_prompt_unknown(tmp_path: Path, template: str | None) -> None:
    folder = make_tokenizer(tmp_path, template)
    assert encode(folder, CHAT, Prompt("b", text="one")) == [None, (1, 2)]


def test_files_of_no_tokenizer_give_no_encoder(tmp_path: Path) -> None:
    assert Encoder.of(tmp_path) is None
    for content in ("{}", "not JSON", '{"model": {"type": "Unheard"}}'):
        (tmp_path / "tokenizer.json").write_text(content)
        assert Encoder.of(tmp_path) is None


def test_the_fingerprint_follows_what_ids_depend_on(tmp_path: Path) -> None:
    folder = make_tokenizer(tmp_path)
    before = fingerprint(folder)
    (folder / "README.md").write_text("x")
    assert fingerprint(folder) == before
    (folder / "chat_template.jinja").write_text("go")
    assert fingerprint(folder) != before
