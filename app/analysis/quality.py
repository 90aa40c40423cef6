"""Is the answer right, and is it the baseline's answer? Text against text; knows nothing of models."""

from __future__ import annotations

import re
from collections.abc import Mapping

SPACES = re.compile(r"\s+")


def normalise(text: str) -> str:
    """Lower case, single spaces, no punctuation at either end."""
    return SPACES.sub(" ", text).strip().strip(".,;:!?\"'").lower()


def holds_expected(answer: str, expected: str) -> bool:
    """Whether the expected answer stands in the answer as whole words, case and spacing ignored."""
    wanted = re.escape(normalise(expected))
    return re.search(rf"(?<!\w){wanted}(?!\w)", normalise(answer)) is not None


def expected_share(answers: Mapping[int, str], expected: Mapping[int, str]) -> float | None:
    """Percent of the expected answers that were given; a request without an answer counts as wrong.
    None when nothing is expected."""
    if not expected:
        return None
    right = sum(holds_expected(answers.get(position, ""), wanted) for position, wanted in expected.items())
    return 100.0 * right / len(expected)


def same_output_share(baseline: Mapping[int, str], candidate: Mapping[int, str]) -> float | None:
    """Percent of prompts answered on both sides whose texts are exactly equal; None when there are none."""
    both = baseline.keys() & candidate.keys()
    if not both:
        return None
    return 100.0 * sum(baseline[position] == candidate[position] for position in both) / len(both)
