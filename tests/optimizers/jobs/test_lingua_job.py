"""Real LLMLingua on the starter models: what it keeps, what it is told to keep, and that it says the same again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from optimizers.jobs.lingua_job import spread_rates, work
from optimizers.prompt_compression import JOB
from starter.folder import MODELS
from store.settings import ROOT

LETTER = (
    "Twice this month, water was found on the floor of the paint store in Oldhaven, where it had spread under the "
    "lowest shelf. The repair cost 110.81 EUR. It should be said that the volunteers stayed long after their hours and "
    "made tea for everyone, including the driver. The meter read 350 litres. The valve was closed at 7:05. The plumber "
    "was Henrik Kowal."
)
NUMBERS = ("110.81", "350", "7:05")
CLASSIFIER, CAUSAL = MODELS / "xlm-roberta-large-starter", MODELS / "draft"
QUESTION = "Who was the plumber?"
SHARE = {"llmlingua2": (0.2, 0.6), "llmlingua": (0.3, 0.6), "longllmlingua": (0.3, 0.6)}

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads that wait for each other on a busy machine take longer than small models do."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    torch.set_num_threads(before)


def task(method: str, *texts: str, rate: float = 0.5, **given: Any) -> dict[str, Any]:
    folder = CLASSIFIER if method == "llmlingua2" else CAUSAL
    units = [{"texts": [text], "rate": rate, "question": QUESTION, "rank": False} for text in texts]
    options = {"scoring": "tokens", "contrast": True, "spread": 0.3, "forced": [], "numbers": False, "device": "cpu"}
    return {"method": method, "compressor": str(folder), "units": units, **options, **given}


def compressed(method: str, *texts: str, **given: Any) -> list[str]:
    result = work(task(method, *texts, **given), lambda done, total: None)
    assert result["load_seconds"] > 0
    assert all(unit["seconds"] > 0 for unit in result["units"])
    return [unit["texts"][0] for unit in result["units"]]


@pytest.mark.parametrize("method", SHARE)
def test_all_three_shorten_and_say_the_same_again(method: str) -> None:
    first, again = compressed(method, LETTER, LETTER)
    assert first == again
    low, high = SHARE[method]
    assert low < len(first) / len(LETTER) < high


@pytest.mark.parametrize(
    ("method", "scoring"), [("llmlingua2", "tokens"), ("llmlingua", "tokens"), ("longllmlingua", "words")]
)
def test_numbers_and_forced_words_stay_whole(method: str, scoring: str) -> None:
    forced = ["volunteers", "the driver"]
    (text,) = compressed(method, LETTER, rate=0.3, scoring=scoring, numbers=True, forced=forced)
    for word in (*NUMBERS, *forced):
        assert word in text, word
    assert len(text) < 0.6 * len(LETTER)


def test_a_surprising_token_is_kept_itself_and_not_the_one_before_it() -> None:
    """The library alone keeps the token before; that is what lost the answers."""
    facts = (*NUMBERS, "Henrik Kowal")
    ours, theirs = (compressed("llmlingua", LETTER, scoring=scoring)[0] for scoring in ("words", "library"))
    assert [fact in ours for fact in facts].count(True) >= 3
    assert [fact in theirs for fact in facts].count(True) <= 1


def test_scored_by_words_no_word_is_cut() -> None:
    (text,) = compressed("llmlingua", LETTER, scoring="words")
    assert {word.strip(".,") for word in text.split()} <= {word.strip(".,") for word in LETTER.split()}


@pytest.mark.parametrize("method", ["llmlingua", "llmlingua2"])
def test_short_texts_shrink_and_long_ones_shrink_evenly(method: str) -> None:
    """The library alone leaves short texts whole, drops ever more of long ones and nothing of their end."""
    sentence = "The volunteers stayed long after their hours and made tea for everyone."
    short, long = compressed(method, sentence, "\n".join([LETTER] * 40), rate=0.4)
    assert len(short) < len(sentence)
    assert 0.2 < len(long) / (41 * len(LETTER)) < 0.6
    halves = long[: len(long) // 2], long[len(long) // 2 :]
    counts = [half.count("Twice") for half in halves]
    assert min(counts) >= 0.6 * max(counts)


@pytest.mark.parametrize("method", ["llmlingua", "llmlingua2"])
def test_letters_of_several_bytes_are_kept_or_dropped_whole(method: str) -> None:
    text = "Der Müller grüßt 東京 and the café in Łódź sends 🙂 back, naïve as ever, über alle Berge."
    (left,) = compressed(method, text)
    assert set(left) <= {*text}
    assert len(left) < len(text)


def test_the_document_that_answers_ranks_first_and_keeps_more() -> None:
    documents = [f"Order {order} customer: {name}\nOrder {order} amount: {amount} EUR" for order, name, amount in (
        (2653, "Ines Moreau", 179.81), (5450, "Clara Moreau", 49.52), (1869, "Louis Jensen", 168.37)
    )]  # fmt: skip
    asked = task("longllmlingua", scoring="words")
    asked["units"] = [{"texts": documents, "rate": 0.5, "question": "What is the amount of order 5450?", "rank": True}]
    (unit,) = work(asked, lambda done, total: None)["units"]
    assert unit["order"][0] == 1
    assert sorted(unit["order"]) == [0, 1, 2]
    shares = [len(text) / len(document) for text, document in zip(unit["texts"], documents, strict=True)]
    assert shares[1] > shares[unit["order"][2]]


def test_rates_spread_around_the_rate_by_rank() -> None:
    assert spread_rates(0.5, [2, 0, 1], 0.3) == [0.5, 0.2, 0.8]
    assert spread_rates(0.5, [0], 0.3) == [0.5]
    assert spread_rates(0.1, [0, 1], 0.3) == [0.4, 0.05]
    assert spread_rates(0.9, [0, 1], 0.3)[0] == 0.95


def run(given: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-m", JOB], cwd=ROOT, input=json.dumps(given), capture_output=True, text=True, check=False
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_the_process_tells_its_progress_and_its_result() -> None:
    code, lines = run(task("llmlingua2", LETTER, QUESTION * 3))
    assert code == 0
    assert lines[:-1] == [{"done": 1, "total": 2}, {"done": 2, "total": 2}]
    assert len(lines[-1]["result"]["units"]) == 2


def test_a_folder_that_holds_no_model_is_told_in_one_line(tmp_path: Path) -> None:
    code, lines = run({**task("llmlingua2", LETTER), "compressor": str(tmp_path)})
    assert code == 1
    assert [*lines[-1]] == ["error"]
    assert lines[-1]["error"].startswith("the compressor failed: ")
