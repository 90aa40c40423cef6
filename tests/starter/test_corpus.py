"""What the starter model is trained on: never the saved prompts, and encoded as the engine will encode it."""

import pytest
from tokenizers import Tokenizer

from starter.corpus import encode, practice_chats, tokenizer_texts
from starter.prompt_sets import SEED, SETS, make_all
from starter.tokenizer import TURN_END, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(tokenizer_texts(64))


def test_tokenizer_is_the_same_each_time(tokenizer: Tokenizer) -> None:
    assert train_tokenizer(tokenizer_texts(64)).to_str() == tokenizer.to_str()


def test_tokenizer_gives_back_any_text(tokenizer: Tokenizer) -> None:
    text = "  Ångström, 你好\n\tif x != 10_000:\n  🙂 end "
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_each_digit_is_a_token(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("4821").ids) == 4
    assert tokenizer.encode(" 4821.50").tokens == ["Ġ4", "8", "2", "1", ".", "5", "0"]


def test_prompts_are_as_long_as_their_card_says(tokenizer: Tokenizer) -> None:
    bounds = {"support-desk": (1500, 2100), "multi-turn": (120, 700), "few-shot": (600, 800), "unique": (450, 800)}
    for prompt_set in make_all():
        low, high = bounds[prompt_set.name]
        for row in prompt_set.rows:
            tokens = sum(len(tokenizer.encode(message["content"]).ids) + 5 for message in row.rendered())
            assert low <= tokens <= high, (row.id, tokens)


def test_practice_never_repeats_a_saved_prompt() -> None:
    saved = {row.rendered()[-1]["content"] for prompt_set in make_all() for row in prompt_set.rows}
    practised = {asked for chat in practice_chats(64) for asked, _ in chat}
    assert not saved & practised
    assert not any(content in text for text in set(tokenizer_texts(64)) for content in saved)


def test_practice_of_a_set_follows_its_seed() -> None:
    for module in SETS:
        assert module.practice(SEED, 8) == module.practice(SEED, 8) != module.practice(SEED + 1, 8)


def test_only_answers_and_their_end_are_marked(tokenizer: Tokenizer) -> None:
    example = encode([("How far?", "In transit"), ("How much?", "48.20 EUR")], tokenizer)
    marked = [token for token, is_answer in zip(example.ids, example.is_answer, strict=True) if is_answer]
    text = tokenizer.decode(marked, skip_special_tokens=False)
    assert text == f"In transit{TURN_END}48.20 EUR{TURN_END}"
