"""Do the starter compressors keep answers better than dropping words at random?

Each context is compressed to about half by LLMLingua, LongLLMLingua and LLMLingua-2. For each, the same context also
loses words at random until as many tokens are left. An answer is kept when its words stand together in what is left,
and answered when the target gives it from there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.analysis.scoring import holds_expected
from optimizers.jobs.lingua_adapter import load_compressor
from optimizers.jobs.lingua_causal import CausalCompressor
from optimizers.jobs.lingua_classifier import ClassifierCompressor
from optimizers.jobs.lingua_job import spread_rates
from starter.answering import Answerer
from starter.classifier import FOLDER
from starter.rows import PromptSet

RATE, SPREAD = 0.5, 0.3
SETS = ("unique", "support-desk")
PROMPTS = 64
_SEED = 7


@dataclass(frozen=True)
class Case:
    """A context and the question about it; the context alone is compressed."""

    context: str
    question: str
    expected: str


Compress = Callable[[str, str], str]


def cases(sets: Sequence[PromptSet]) -> list[Case]:
    """Letters, and records behind their heading; the handbook holds no answer and would only flatter."""
    found = []
    for prompt_set in sets:
        if prompt_set.name in SETS:
            for row in prompt_set.rows[:PROMPTS]:
                context, _, question = row.rendered()[-1]["content"].rpartition("\n")
                context = context.partition("\n\nNote:")[0].removeprefix("Records:\n\n").rstrip()
                found.append(Case(context, question, row.expected))
    return found


def methods(models: Path) -> dict[str, Compress]:
    tokens, words = (CausalCompressor(load_compressor(models / "draft"), scoring) for scoring in ("tokens", "words"))
    plain = CausalCompressor(load_compressor(models / "draft"), "words", contrast=False)
    classifier = ClassifierCompressor(load_compressor(models / FOLDER))

    def by_documents(context: str, question: str) -> str:
        """The question ranks the documents, and a word is judged by its own surprise: `contrast=false`."""
        texts = context.split("\n\n")
        order = plain.ranked(texts, question) if len(texts) > 1 else [0]
        rates = spread_rates(RATE, order, SPREAD)
        return "\n\n".join(plain.compress(text, rate, question) for text, rate in zip(texts, rates, strict=True))

    return {
        "LLMLingua": lambda context, question: tokens.compress(context, RATE),
        "LLMLingua, words": lambda context, question: words.compress(context, RATE),
        "LongLLMLingua": lambda context, question: tokens.compress(context, RATE, question),
        "LongLLMLingua, words": lambda context, question: words.compress(context, RATE, question),
        "LongLLMLingua, ranked": by_documents,
        "LLMLingua-2": lambda context, question: classifier.compress(context, RATE),
    }


def at_random(context: str, tokens: int, count: Callable[[str], int], seed: str) -> str:
    """The context with words dropped at random until no more than `tokens` are left."""
    words = context.split(" ")
    drop = random.Random(seed).sample(range(len(words)), len(words))
    low, high = 0, len(words)
    while low < high:  # the fewest words to drop
        middle = (low + high) // 2
        left = set(drop[middle:])
        text = " ".join(word for at, word in enumerate(words) if at in left)
        low, high = (low, middle) if count(text) <= tokens else (middle + 1, high)
    left = set(drop[low:])
    return " ".join(word for at, word in enumerate(words) if at in left)


def compression(models: Path, target: Answerer, sets: Sequence[PromptSet]) -> dict[str, Any]:
    """By method: shares of tokens, of answers kept and of answers given, beside those of random dropping."""
    asked = cases(sets)
    full = sum(len(target.ids(case.context)) for case in asked)

    def count(text: str) -> int:
        return len(target.ids(text))

    def answered(contexts: Sequence[str]) -> float:
        prompts = [
            target.ids(target.render([{"role": "user", "content": f"{context}\n\n{case.question}"}]))
            for context, case in zip(contexts, asked, strict=True)
        ]
        answers = map(target.text, target.answer(prompts, 32))
        return _share(holds_expected(answer, case.expected) for answer, case in zip(answers, asked, strict=True))

    found = {}
    for name, compress in methods(models).items():
        texts = [compress(case.context, case.question) for case in asked]
        chance = [
            at_random(case.context, count(text), count, f"{_SEED}/{at}")
            for at, (case, text) in enumerate(zip(asked, texts, strict=True))
        ]
        found[name] = {
            "prompts": len(asked),
            "token_share": sum(map(count, texts)) / full,
            "answers_kept": _share(
                holds_expected(text, case.expected) for text, case in zip(texts, asked, strict=True)
            ),
            "answers_kept_at_random": _share(
                holds_expected(text, case.expected) for text, case in zip(chance, asked, strict=True)
            ),
            "answered": answered(texts),
            "answered_at_random": answered(chance),
        }
    return found


def _share(found: Any) -> float:
    values = list(found)
    return sum(values) / len(values)
