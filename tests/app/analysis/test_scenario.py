"""Scenarios as links: every input there and back, and what a link may not say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.analysis.scenario import CHOICES, NAMES, NONE, NUMBERS, Scenario, read_scenario

numbers = {
    name: st.floats(rule.low, rule.high) | (st.none() if rule.optional else st.nothing())
    for name, rule in NUMBERS.items()
}
choices = {name: st.sampled_from(options) for name, options in CHOICES.items()}
texts = dict.fromkeys(
    ("curve_from", "curve_to", "api_model"), st.text("abc-_./1234567890 ", max_size=30).map(str.strip)
)


@given(st.builds(Scenario, **numbers, **choices, **texts))
def test_a_link_holds_every_input(scenario: Scenario) -> None:
    query = scenario.to_query()
    assert set(query) == set(NAMES)
    found, wrong = read_scenario(query, Scenario())
    assert wrong == []
    assert found.to_query() == query
    for name in NUMBERS:
        value = getattr(scenario, name)
        assert getattr(found, name) == (value if value is None else pytest.approx(value, rel=1e-11))


def test_what_a_link_leaves_out_keeps_its_default() -> None:
    found, wrong = read_scenario({"usd_per_hour": "2.5", "other": "x"}, Scenario(tokens_in=7.0))
    assert found == replace(Scenario(), usd_per_hour=2.5, tokens_in=7.0)
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("requests_per_day", "many", "'many' is not a number"),
        ("requests_per_day", "-5", "-5 is not from 1 to 10,000,000,000"),
        ("requests_per_day", "nan", "nan is not from 1"),
        ("requests_per_day", NONE, "'none' is not a number"),
        ("prefix_share", "101", "not from 0 to 100"),
        ("daily_shape", "weekend", "'weekend' is none of flat, office, evening, custom"),
        ("percentile", "p42", "is none of p50, p95, p99, mean"),
        ("curve_from", "a\nb", "that is no name"),
    ],
)
def test_what_a_link_says_wrongly_is_named_and_keeps_its_default(name: str, text: str, reason: str) -> None:
    found, wrong = read_scenario({name: text}, Scenario())
    assert found == Scenario()
    (line,) = wrong
    assert line.startswith(f"{name}: ")
    assert reason in line


def test_an_input_can_be_left_open_on_purpose() -> None:
    assert read_scenario({"usd_per_hour": NONE}, Scenario(usd_per_hour=3.0))[0].usd_per_hour is None
