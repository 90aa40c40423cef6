"""Which input matters most."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.analysis.scenario import Scenario
from app.analysis.sensitivity import Effect, sensitivity, sentence
from app.analysis.what_if import answer
from tests.app.analysis.curves import curve

BUSY = Scenario(daily_shape="flat", most_ttft=400.0, usd_per_hour=2.0, requests_per_day=100_000_000.0)
"""386 replicas: steps of whole replicas hardly show."""


def effects_of(scenario: Scenario) -> dict[str, Effect]:
    return {effect.name: effect for effect in sensitivity(scenario, answer(scenario, curve()), curve())}


def test_each_input_moves_the_cost_as_arithmetic_says() -> None:
    effects = effects_of(BUSY)
    assert list(effects)[-1] != "requests_per_day"
    assert effects["requests_per_day"].less == pytest.approx(-0.2, abs=0.003)
    assert effects["requests_per_day"].more == pytest.approx(0.2, abs=0.003)
    assert effects["usd_per_hour"].more == pytest.approx(0.2)
    # Half of the time is output: 20 % more of it is 10 % more work, and the limits stay.
    assert effects["tokens_out"].value == 100
    assert effects["tokens_out"].more is not None
    assert effects["tokens_out"].more > 0.1
    # 320 ms instead of 400 is 2.6 requests/s instead of 3; planned load cannot pass 100 %.
    assert effects["most_ttft"].less == pytest.approx(3 / 2.6 - 1, abs=0.003)
    assert effects["most_ttft"].more == pytest.approx(3 / 3.4 - 1, abs=0.003)
    assert effects["most_load"].more is None
    assert "at its end" in effects["most_load"].reason
    assert effects["most_load"].less == pytest.approx(0.25, abs=0.003)


def test_only_what_is_in_use_is_moved() -> None:
    names = set(effects_of(BUSY))
    assert names == {"requests_per_day", "usd_per_hour", "tokens_in", "tokens_out", "most_ttft", "most_load"}
    assert "peak_to_mean" in effects_of(replace(BUSY, daily_shape="custom", requests_per_day=10_000_000.0))
    assert {"usd_per_kwh", "watts"} <= set(effects_of(replace(BUSY, usd_per_kwh=0.3, watts=500.0)))
    assert "usd_per_hour" not in effects_of(replace(BUSY, usd_per_hour=None))


def test_an_end_that_is_not_answered_says_why() -> None:
    effect = effects_of(replace(BUSY, tokens_in=1900.0))["tokens_in"]
    assert effect.more is None
    assert effect.less is not None
    assert effect.reason.startswith("+20% is not answered: 2,280 prompt tokens")
    tight = effects_of(replace(BUSY, most_ttft=110.0))["most_ttft"]
    assert tight.less is None


def test_the_largest_comes_first_and_the_sentence_says_so() -> None:
    effects = sensitivity(BUSY, answer(BUSY, curve()), curve())
    assert [effect.size for effect in effects] == sorted((effect.size for effect in effects), reverse=True)
    said = sentence(effects)
    assert said.startswith(f"{effects[0].title} matters most: ")
    small = replace(BUSY, requests_per_day=1000.0)
    said = sentence(sensitivity(small, answer(small, curve()), curve()))
    assert said.startswith("Price of a replica's hardware matters most: 20 % less gives -20%, 20 % more gives +20%")
    assert "No change, as the same replicas are enough: " in said
    free = replace(small, usd_per_hour=None)
    assert "changes nothing" in sentence(sensitivity(free, answer(free, curve()), curve()))
