"""Is an answer right? One rule for a whole prompt set, chosen with the set. Text against text; knows no models.

Every rule is a pure function of the answer and the expected text, and says beforehand which expected texts it cannot
judge by, so that a prompt file with one is refused when it is imported and not when it has been measured.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import regex

from optimizers.errors import InputError

DEFAULT_RULE = "contains"
NUMBER = re.compile(
    r"(?P<sign>(?<![\w)])[-+−]\s?)?[$€£¥]?\s?"
    r"(?P<digits>(?:[0-9]{1,3}(?:[,'’_\u00a0\u202f][0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?P<power>[eE][-+]?[0-9]{1,3})?"
)
GROUPING = re.compile(r"[,'’_\u00a0\u202f]")
TOLERANCE = 1e-6
"""Relative: far below any rounding that a person would call a mistake."""
PATTERN_SECONDS = 0.1
"""A pattern comes with a prompt file, from anyone: one that runs away must not take the worker or a page with it."""
MAX_JSON_STARTS = 200


@dataclass(frozen=True)
class Rule:
    """`right` is (answer, expected) -> whether it is right; `unusable` is why an expected text cannot be judged by."""

    key: str
    help: str
    right: Callable[[str, str], bool]
    unusable: Callable[[str], str | None]


def normalise(text: str) -> str:
    """Lower case, single spaces, no punctuation at either end; a text of nothing else is kept as it is."""
    plain = " ".join(text.split()).lower()
    return plain.strip(" .,;:!?\"'") or plain


_wanted = lru_cache(maxsize=4096)(normalise)
"""Each run of a comparison is judged by the same expected texts."""


def holds_expected(answer: str, expected: str) -> bool:
    """Whether the expected answer stands in the answer as whole words, case and spacing ignored."""
    wanted, text = _wanted(expected), normalise(answer)
    at = text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        # By hand: a pattern for each of thousands of prompts takes longer to build than to search for.
        if not _in_word(text[at - 1 : at]) and not _in_word(text[end : end + 1]):
            return True
        at = text.find(wanted, at + 1)
    return False


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def last_number(text: str) -> float | None:
    """The last number in a text, thousands separators and currency signs left out; the decimal mark is a point."""
    numbers = list(NUMBER.finditer(text))
    if not numbers:
        return None
    found = numbers[-1]
    value = float(GROUPING.sub("", found["digits"]) + (found["power"] or ""))
    return -value if (found["sign"] or "").strip() in ("-", "−") else value


def first_json(text: str, scalars: bool = False) -> Any:
    """The first JSON object or list in a text, or, with `scalars`, the first JSON value of any kind.

    Raises ValueError when there is none: null is a value.
    """
    starts = r"[{\[]" if not scalars else r"[{\[\"]|-?[0-9]|\b(?:true|false|null)\b"
    decoder = json.JSONDecoder(parse_constant=_refuse)
    for tried, start in enumerate(re.finditer(starts, text)):
        if tried == MAX_JSON_STARTS:
            break
        try:
            return decoder.raw_decode(text, start.start())[0]
        except (ValueError, RecursionError):
            continue
    raise ValueError("no JSON value")


def right(rule: str, answer: str, expected: str) -> bool:
    return rule_of(rule).right(answer, expected)


def rule_of(key: str) -> Rule:
    found = RULES.get(key)
    if found is None:
        raise InputError(f"score {key!r} is no rule; use one of: {', '.join(RULES)}")
    return found


def _exact(answer: str, expected: str) -> bool:
    return normalise(answer) == _wanted(expected)


def _numeric(answer: str, expected: str) -> bool:
    given, wanted = last_number(answer), last_number(expected)
    if given is None or wanted is None or not math.isfinite(wanted):
        return False
    return math.isclose(given, wanted, rel_tol=TOLERANCE)


def _no_number(expected: str) -> str | None:
    value = last_number(expected)
    usable = value is not None and math.isfinite(value)
    return None if usable else f"the expected answer {_short(expected)} holds no number"


def _json(answer: str, expected: str) -> bool:
    try:
        wanted = json.loads(expected)
        return _same_json(first_json(answer, scalars=not isinstance(wanted, dict | list)), wanted)
    except ValueError:
        return False


def _no_json(expected: str) -> str | None:
    try:
        json.loads(expected, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return f"the expected answer {_short(expected)} is not JSON"
    return None


def _same_json(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 equals 1.0, and unlike in Python neither equals true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same_json, one, other))
    return bool(one == other)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _regex(answer: str, expected: str) -> bool:
    try:
        return regex.search(expected, answer, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        return False


def _no_pattern(expected: str) -> str | None:
    try:
        regex.compile(expected)
    except (regex.error, RecursionError, OverflowError) as error:
        return f"the expected answer {_short(expected)} is no regular expression ({error})"
    return None


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]} …")


def _any(expected: str) -> str | None:
    return None


RULES: dict[str, Rule] = {
    rule.key: rule
    for rule in (
        Rule("contains", "the answer holds the expected one as whole words", holds_expected, _any),
        Rule("exact", "the answer equals the expected one, case, spacing and outer punctuation ignored", _exact, _any),
        Rule("numeric", "the last number in the answer equals the expected one", _numeric, _no_number),
        Rule("json", "the first JSON value in the answer equals the expected one", _json, _no_json),
        Rule("regex", "the expected pattern is found in the answer", _regex, _no_pattern),
    )
}
