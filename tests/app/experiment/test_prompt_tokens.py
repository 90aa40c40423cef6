"""A set's ids: the same by both roads, kept, and what a run's prediction makes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.engine.metrics import CacheFacts
from app.experiment import prompt_tokens as module
from app.experiment.prediction import predict_run
from app.experiment.prompt_tokens import answer_tokens, prompt_tokens
from app.prompts.prompt_set import PromptSet
from app.prompts.token_counts import token_ids_by_transformers
from optimizers.prompt import Prompt
from tests.app.prompts.test_encoding import CHAT, CHAT_IDS, make_tokenizer

PROMPTS = PromptSet("s", (CHAT, Prompt("b", text="one two"), replace(CHAT, id="c")))
CACHE = CacheFacts(block_size=2, tokens=64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_tokenizer(tmp_path)


def test_both_roads_come_to_the_same_ids(folder: Path) -> None:
    short = prompt_tokens(folder, PROMPTS, chat=True)
    assert short == (CHAT_IDS, (1, 2, 3), CHAT_IDS)
    assert token_ids_by_transformers(folder, PROMPTS, chat=True) == short
    assert token_ids_by_transformers(folder, PROMPTS, False) == prompt_tokens(folder, PROMPTS, False)


def test_a_set_is_counted_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prompt_tokens(folder, PROMPTS, chat=True)
    monkeypatch.setattr(module, "_encoder", lambda *given: pytest.fail("counted again"))
    assert prompt_tokens(folder, replace(PROMPTS, name="the same prompts"), chat=True) is first


def test_a_quick_answer_does_without_the_long_road(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "token_ids_by_transformers", lambda *given: pytest.fail("took the long road"))
    assert prompt_tokens(tmp_path, PROMPTS, chat=True, quick=True) is None


def test_a_run_is_predicted_from_what_was_sent_of_it(folder: Path) -> None:
    found = predict_run(folder, PROMPTS, [2, 0], True, CACHE, {0: "one", 2: ""})
    assert found is not None
    assert (found["queries"], found["hits"], found["block_size"], found["cache_tokens"]) == (22, 10, 2, 64)
    everything = predict_run(folder, PROMPTS, [0, 1, 2], True, CACHE, {}, held_back=1)
    assert everything is not None
    assert (everything["queries"], everything["hits"]) == (25, 8)


def test_nothing_is_predicted_from_guesses(folder: Path) -> None:
    sent, answers = [0, 1, 2], {0: "one"}
    assert predict_run(None, PROMPTS, sent, True, CACHE, answers) is None
    assert predict_run(folder, PROMPTS, sent, True, CacheFacts(), answers) is None
    refusing = make_tokenizer(folder, "{{ raise_exception('no') }}")
    assert predict_run(refusing, PROMPTS, sent, True, CACHE, answers) is None
    assert predict_run(refusing, PROMPTS, [1], True, CACHE, {}) is not None


def test_answers_have_no_tokens_round_them(folder: Path) -> None:
    assert answer_tokens(folder, ["one two", ""]) == [(2, 3), ()]
