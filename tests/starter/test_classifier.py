"""Labels for the token classifier: values above what names them, all facts above filler."""

import itertools

from starter.classifier import FILLER, NAMING, VALUE, WEAK, labelled, texts, train_tokenizer, worths


def worth_of(text: str, part: str) -> set[float]:
    start = text.index(part)
    return set(worths(text, [(at, at + 1) for at in range(start, start + len(part))]))


def test_a_record_line() -> None:
    text = "Records:\n\nOrder 4821 delivery date: 3 June\nOrder 4821 amount: 48.20 EUR"
    assert worth_of(text, "3 June") == worth_of(text, "48.20 EUR") == {VALUE}
    assert worth_of(text, "4821") == worth_of(text, "delivery date") == {NAMING}
    assert worth_of(text, "Order") == worth_of(text, ":") - {FILLER} | {WEAK} == {WEAK}
    assert worth_of(text, "Records") == {FILLER}


def test_a_fact_in_a_letter_with_a_point_in_its_value() -> None:
    text = "It rained all day. The repair cost 120.80 EUR. Nobody minded."
    assert worth_of(text, "120.80 EUR") == {VALUE}
    assert worth_of(text, "The repair cost") == {NAMING}
    assert worth_of(text, "It rained all day.") == worth_of(text, "Nobody minded") == {FILLER}


def test_practice_contexts_hold_facts_and_filler() -> None:
    marked = [bool(labelled(text)) for text in itertools.islice(texts(1), 60)]
    assert 0.4 < sum(marked) / len(marked) < 1.0


def test_tokenizer_gives_words_back_with_their_spaces() -> None:
    tokenizer = train_tokenizer(1, vocab_size=500)
    text = "Order 4821 amount: 48.20 EUR, at 18:30."
    assert tokenizer.decode(tokenizer.encode(text).ids) == text
