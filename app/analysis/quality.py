"""What a run's answers were worth: how many were right, refused or empty. Pure; the rules are in scoring.py."""

from __future__ import annotations

from collections.abc import Mapping

from app.analysis.scoring import DEFAULT_RULE, right
from app.analysis.statistics import Interval, wilson_interval

MIN_BASELINE = 50.0
"""Percent right below which a technique's effect on answers cannot be judged: there is little left to lose."""

REFUSALS = (
    "i cannot",
    "i can't",
    "i can not",
    "i am unable",
    "i'm unable",
    "i am not able to",
    "i'm not able to",
    "i won't",
    "i'm sorry, but",
    "i am sorry, but",
    "as an ai",
    "not in the records",
)
"""Phrases of a refusal, in lower case. A phrase that the expected answer itself holds is no refusal there."""
REFUSAL_WITHIN = 160
"""Characters from the beginning in which a refusal stands; further on the phrase is part of an answer."""


def score_answers(answers: Mapping[int, str], expected: Mapping[int, str], rule: str = DEFAULT_RULE) -> dict[int, bool]:
    """Whether each prompt with an expected answer was answered right; one without an answer was not."""
    return {
        position: position in answers and right(rule, answers[position], wanted)
        for position, wanted in expected.items()
    }


def expected_share(answers: Mapping[int, str], expected: Mapping[int, str], rule: str = DEFAULT_RULE) -> float | None:
    """Percent of the expected answers that were given; None when nothing is expected."""
    scores = score_answers(answers, expected, rule)
    return 100.0 * sum(scores.values()) / len(scores) if scores else None


def quality_interval(quality: float | None, prompts: int) -> Interval | None:
    """In percent. Repeats of a prompt are not independent, so prompts are counted and not requests."""
    found = None if quality is None else wilson_interval(quality / 100, prompts)
    return None if found is None else Interval(100 * found.low, 100 * found.high)


def is_refusal(answer: str, expected: str | None = None) -> bool:
    begin, wanted = _plain(answer)[:REFUSAL_WITHIN], _plain(expected or "")
    return any(phrase in begin and phrase not in wanted for phrase in REFUSALS)


def refusals(answers: Mapping[int, str], expected: Mapping[int, str]) -> int:
    return sum(is_refusal(answer, expected.get(position)) for position, answer in answers.items())


def empty_answers(answers: Mapping[int, str]) -> int:
    """Answers of nothing but white space."""
    return sum(not answer.strip() for answer in answers.values())


def _plain(text: str) -> str:
    """Lower case, single spaces, straight apostrophes."""
    return " ".join(text.split()).lower().replace("’", "'")
