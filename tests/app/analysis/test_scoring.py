"""Each rule on answers that are right and answers that only look so, and the expected texts it cannot judge by."""

from __future__ import annotations

import json
import re
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.analysis.scoring import (
    PATTERN_SECONDS,
    RULES,
    first_json,
    holds_expected,
    last_number,
    normalise,
    right,
    rule_of,
)
from optimizers.errors import InputError


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The order has SHIPPED.", "shipped"),
        ("shipped", "Shipped."),
        ("It costs 12.50 EUR today", "12.50 EUR"),
        ("on  3\n May", "3 May"),
        ("C++ it is", "c++"),
        ("(delivered)", "delivered"),
        ("naïve café", "CAFÉ"),
        ("shipped .", "shipped"),
    ],
)
def test_an_answer_that_holds_the_expected_one(answer: str, expected: str) -> None:
    assert right("contains", answer, expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("unshipped", "shipped"),
        ("it was shippedd", "shipped"),
        ("order 41070", "4107"),
        ("12x50 EUR", "12.50 EUR"),
        ("", "shipped"),
        ("may 3", "3 may"),
        ("anything at all", "?!"),
    ],
)
def test_part_of_a_word_or_of_a_number_is_wrong(answer: str, expected: str) -> None:
    assert not right("contains", answer, expected)


@given(st.text(alphabet="ab1 .,", min_size=1, max_size=12).filter(lambda text: normalise(text) != ""))
def test_every_answer_holds_itself(text: str) -> None:
    assert holds_expected(text, text)
    assert right("exact", text, text)


@pytest.mark.parametrize(
    ("answer", "expected", "is_right"),
    [
        (" Shipped.\n", "shipped", True),
        ("on  3 May", "On 3\nMay!", True),
        ("it has shipped", "shipped", False),
        ("shipped", "shipped today", False),
        ("", "shipped", False),
    ],
)
def test_exact_is_the_whole_answer(answer: str, expected: str, is_right: bool) -> None:
    assert right("exact", answer, expected) is is_right


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The total is $1,234.50.", 1234.5),
        ("first 3, then 42", 42),
        ("-7 degrees", -7),
        ("minus: −7", -7),
        ("-$5", -5),
        ("€ 12", 12),
        ("order 3-4", 4),
        ("50 %", 50),
        ("1'234'567", 1234567),
        ("12\u202f345", 12345),
        ("2.5e3", 2500),
        (".5", 0.5),
        ("12,50", 50),
        ("1,2345", 2345),
        ("none at all", None),
        ("", None),
    ],
)
def test_the_last_number_of_a_text(text: str, number: float | None) -> None:
    assert last_number(text) == number


@pytest.mark.parametrize(
    ("answer", "expected", "is_right"),
    [
        ("So she pays $1,080.00 in all.", "1080", True),
        ("50%", "50", True),
        ("0.3333333", "0.33333330001", True),
        ("1080.01", "1080", False),
        ("1081 and not 1080, that is 1081", "1080", False),
        ("no idea", "1080", False),
        ("9" * 400, "8" * 399, False),
    ],
)
def test_numeric_is_the_last_number(answer: str, expected: str, is_right: bool) -> None:
    assert right("numeric", answer, expected) is is_right


@pytest.mark.parametrize(
    ("answer", "expected", "is_right"),
    [
        ('Here: ```json\n{"b": [1, 2.0],\n "a": null}\n```', '{"a": null, "b": [1.0, 2]}', True),
        ('{not this} {"a": 1}', '{"a": 1}', True),
        ('The 3 fields: {"a": 1}', '{"a": 1}', True),
        ("The answer is 42, I think", "42", True),
        ('It is "late".', '"late"', True),
        ("null", "null", True),
        ('{"a": 1} {"a": 2}', '{"a": 2}', False),
        ('{"a": true}', '{"a": 1}', False),
        ('{"a": 1, "b": 2}', '{"a": 1}', False),
        ("[2, 1]", "[1, 2]", False),
        ('{"a": 1', '{"a": 1}', False),
        ('{"a": NaN}', '{"a": 1}', False),
        ("", "null", False),
        ("nothing", "null", False),
        ("[" * 100_000, "[]", False),
    ],
)
def test_json_is_the_first_value_found(answer: str, expected: str, is_right: bool) -> None:
    assert right("json", answer, expected) is is_right


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text("ab ", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=6,
)


@given(JSON, st.sampled_from([None, 1, 3]))
def test_json_is_right_however_it_is_written(value: Any, indent: int | None) -> None:
    assert right("json", f"Sure: {json.dumps(value, indent=indent)} and so on", json.dumps(value, sort_keys=True))


def test_a_text_without_json_is_no_null() -> None:
    with pytest.raises(ValueError, match="no JSON value"):
        first_json("nothing here", scalars=True)


def test_regex_is_found_anywhere_and_minds_the_case() -> None:
    assert right("regex", "order 4107 is on its way", r"\b4\d{3}\b")
    assert not right("regex", "order 41070", r"\b4\d{3}\b")
    assert not right("regex", "Shipped", "shipped")
    assert right("regex", "Shipped", "(?i)shipped")


def test_a_pattern_that_runs_away_is_stopped_and_wrong() -> None:
    began = monotonic()
    assert not right("regex", "a" * 5000 + "b", r"(?:a|a|aa)+$")
    assert monotonic() - began < 20 * PATTERN_SECONDS


@pytest.mark.parametrize(
    ("rule", "expected", "says"),
    [
        ("numeric", "twelve", "the expected answer 'twelve' holds no number"),
        ("numeric", "9" * 400, "holds no number"),
        ("json", "{'a': 1}", "is not JSON"),
        ("json", "NaN", "is not JSON"),
        ("regex", "(", "the expected answer '(' is no regular expression (missing ) at position 1)"),
    ],
)
def test_an_expected_text_that_a_rule_cannot_judge_by(rule: str, expected: str, says: str) -> None:
    reason = rule_of(rule).unusable(expected)
    assert reason is not None
    assert says in reason
    assert "\n" not in reason
    assert len(reason) < 200


@pytest.mark.parametrize("rule", RULES)
def test_what_each_rule_takes_it_can_judge_by(rule: str) -> None:
    assert rule_of(rule).unusable("12") is None
    assert right(rule, "12", "12")
    assert not right(rule, "13", "12")


def test_an_unknown_rule_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="score 'fuzzy' is no rule; use one of: contains, exact, numeric, json, regex"):
        rule_of("fuzzy")


@given(st.text("ab_1 .é²漢-\n", max_size=8), st.text("ab_1 .é²漢-\n", max_size=3))
def test_whole_words_are_those_of_a_pattern(answer: str, expected: str) -> None:
    pattern = rf"(?<!\w){re.escape(normalise(expected))}(?!\w)"
    assert holds_expected(answer, expected) is (re.search(pattern, normalise(answer)) is not None)
