"""What the starter models are trained on: never the saved prompts, and encoded as the engine will encode it."""

from __future__ import annotations

import re

import pytest
from jinja2 import Environment
from tokenizers import Tokenizer

from starter.corpus import encode, practice_chat, tokenizer_texts
from starter.prompt_sets import make_all
from starter.sets.practice import Chat
from starter.tokenizer import CHAT_TEMPLATE, TURN_END, train_tokenizer

SEED = 11
CHAT = Chat((("How far?", "In transit"), ("How much?", "48.20 EUR")), "Answer in one line.")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(tokenizer_texts(SEED, 64))


def test_tokenizer_is_the_same_each_time(tokenizer: Tokenizer) -> None:
    assert train_tokenizer(tokenizer_texts(SEED, 64)).to_str() == tokenizer.to_str()


def test_tokenizer_gives_back_any_text(tokenizer: Tokenizer) -> None:
    text = "  Ångström, 你好\n\tif x != 10_000:\n  🙂 end "
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_digits_go_in_pairs_and_each_pair_is_a_token(tokenizer: Tokenizer) -> None:
    for pair in ("07", "48", "90", " 07", " 48"):
        assert len(tokenizer.encode(pair).ids) == 1, pair
    assert tokenizer.encode("4821").tokens == ["48", "21"]
    assert tokenizer.encode(" 4821.50").tokens == ["Ġ48", "21", ".", "50"]


def test_the_tokenizer_has_seen_no_saved_prompt() -> None:
    saved = {row.rendered()[-1]["content"] for prompt_set in make_all() for row in prompt_set.rows}
    seen = set(tokenizer_texts(SEED, 200))
    assert not any(content in text for text in seen for content in saved)


def test_practice_never_asks_a_saved_question() -> None:
    last = (row.rendered()[-1]["content"] for prompt_set in make_all() for row in prompt_set.rows)
    saved = {re.split(r"\n|(?<=\.) ", content)[-1] for content in last} - {"Line:"}
    assert len(saved) > 300
    practised = {asked for number in range(400) for asked, _ in practice_chat(SEED, number, 800).turns}
    assert not any(question in asked for asked in practised for question in saved)


def test_a_chat_follows_its_seed_and_number() -> None:
    assert practice_chat(SEED, 3, 900) == practice_chat(SEED, 3, 900)
    others = (practice_chat(SEED + 1, 3, 900), practice_chat(SEED, 4, 900))
    assert all(practice_chat(SEED, 3, 900) != other for other in others)


def test_only_answers_and_their_end_are_marked(tokenizer: Tokenizer) -> None:
    example = encode(CHAT, tokenizer)
    marked = [token for token, is_answer in zip(example.ids, example.is_answer, strict=True) if is_answer]
    text = tokenizer.decode(marked, skip_special_tokens=False)
    assert text == f"In transit{TURN_END}48.20 EUR{TURN_END}"


@pytest.mark.parametrize("system", ["", CHAT.system])
def test_a_chat_is_encoded_as_the_chat_template_renders_it(tokenizer: Tokenizer, system: str) -> None:
    messages = [{"role": "system", "content": system}] if system else []
    for asked, answer in CHAT.turns:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    rendered = Environment(autoescape=False).from_string(CHAT_TEMPLATE).render(messages=messages)
    encoded = tokenizer.decode(encode(Chat(CHAT.turns, system), tokenizer).ids, skip_special_tokens=False)
    # An answer ends with its end token; the line break after it belongs to the next turn.
    assert f"{encoded}\n" == rendered
