"""The compressors' evaluation: real LLMLingua on the committed models, and random dropping that is fair to them."""

import pytest

from app.analysis.scoring import holds_expected
from starter.compression import Case, at_random, cases, methods
from starter.folder import MODELS
from starter.prompt_sets import make_all


def words_in(text: str) -> int:
    return len(text.split())


@pytest.fixture(scope="module")
def asked() -> list[Case]:
    return cases(make_all())


def test_every_answer_stands_in_its_context_and_not_in_its_question(asked: list[Case]) -> None:
    assert len(asked) == 128
    for case in asked:
        assert holds_expected(case.context, case.expected), case.question
        assert not holds_expected(case.question, case.expected)
        assert "?" in case.question or case.question.endswith(".")


@pytest.mark.parametrize("left", [0, 1, 7, 20])
def test_random_dropping_leaves_as_many_words_as_it_may(left: int) -> None:
    text = " ".join(f"w{number}" for number in range(20))
    kept = at_random(text, left, words_in, "seed").split()
    assert len(kept) == left
    assert kept == sorted(kept, key=lambda word: int(word[1:]))
    assert at_random(text, left, words_in, "seed").split() == kept


@pytest.mark.filterwarnings("ignore")
def test_each_compressor_shortens_and_the_classifier_keeps_answers(asked: list[Case]) -> None:
    some = asked[::16]
    for name, compress in methods(MODELS).items():
        texts = [compress(case.context, case.question) for case in some]
        share = sum(map(words_in, texts)) / sum(words_in(case.context) for case in some)
        assert 0.1 < share < 0.8, name
        if name == "LLMLingua-2":
            kept = sum(holds_expected(text, case.expected) for text, case in zip(texts, some, strict=True))
            assert kept >= 0.7 * len(some)
