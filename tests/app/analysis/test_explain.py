"""Costs unfolded: each figure follows from its own formula, shares add up, and no price is made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.analysis.explain import ApiPrice, Explained, api_price, evaluate, explain
from app.analysis.hardware_figures import Machine
from app.analysis.summary import Observed, summarise
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from optimizers.transform import PromptFigures
from tests.building import one_by_one, record

DELTA = {
    "vllm:request_prefill_time_seconds_sum": 3.0,
    "vllm:request_decode_time_seconds_sum": 1.0,
    "vllm:request_queue_time_seconds_sum": 0.5,
    "vllm:request_queue_time_seconds_count": 10.0,
}


def summary(**observed: Any) -> dict[str, Any]:
    """Ten requests of 360 ms, one after the other."""
    return summarise(
        [(0, each) for each in one_by_one([360.0] * 10)], Observed(**{"delta": DELTA, **observed}), Recipe(), {}
    )


def by_title(found: list[Explained]) -> dict[str, Explained]:
    return {each.title: each for each in found}


def test_a_cost_follows_from_its_formula() -> None:
    found = by_title(explain(summary(), 2.0))
    cost = found["Cost per 1,000 requests"]
    # 3.6 s at 2 $/h for 10 requests.
    assert cost.result == pytest.approx(2 * 3.6 / 3600 / 10 * 1000)
    assert cost.result == evaluate(cost.formula, cost.inputs)
    assert {item.name for item in cost.inputs} == {"price", "run", "preparation", "answered"}
    assert found["Hardware time for each answered request"].result == pytest.approx(0.36)


def test_without_a_price_there_is_none_and_it_says_what_is_missing() -> None:
    cost = by_title(explain(summary(), None))["Cost per 1,000 requests"]
    assert cost.result is None
    assert "--price-per-hour" in cost.missing


def test_the_parts_of_the_cost_add_up() -> None:
    rows = [(0, replace(record(at, due_ms=360 * at, ttft_ms=180, tpot_ms=18), prepared_ns=10**8)) for at in range(10)]
    figures = {"prompt_compression": PromptFigures(10, 10, 500, 250, 1.0, {})}
    measured = summarise(rows, Observed(DELTA, running=(1.0, 1.0, 0.0, 2.0), prompts=figures), Recipe(), {})
    found = by_title(explain(measured, 1.0))
    titles = ["Preparation's part of the cost", "Idle part", "Prompts' part (prefill)", "Answers' part (decode)"]
    shares = [found[title].result or 0.0 for title in titles]
    assert sum(shares) == pytest.approx(100)
    assert shares[2] == pytest.approx(3 * shares[3])
    assert shares[0] > 0
    assert shares[1] > 0


def test_without_the_engines_times_the_parts_are_not_known() -> None:
    found = by_title(explain(summary(delta=None), 1.0))
    assert found["Idle part"].result is None
    assert found["Preparation's part of the cost"].result == 0


def test_an_api_charges_cached_tokens_at_their_own_price() -> None:
    measured = summary()
    measured["metrics"] |= {"sent_prompt_tokens": 1000, "cached_tokens": 400, "output_tokens": 100}
    price = ApiPrice("m", "table", 2.0, 0.5, 8.0)
    (found,) = [each for each in explain(measured, None, price) if each.title.startswith("The same tokens as m")]
    assert found.result == pytest.approx((600 * 2 + 400 * 0.5 + 100 * 8) / 1e6 / 10 * 1000)
    whole = ApiPrice("m", "table", 2.0, None, 8.0)
    (found,) = [each for each in explain(measured, None, whole) if each.title.startswith("The same tokens as m")]
    assert found.result == pytest.approx((1000 * 2 + 100 * 8) / 1e6 / 10 * 1000)


def test_energy_has_a_price_where_both_are_given() -> None:
    found = by_title(explain(summary(), None, watts=100.0, energy_price=0.36))
    # 3.6 s at 100 W are 0.0001 kWh.
    assert found["Energy for 1,000 requests"].result == pytest.approx(0.0001 * 0.36 / 10 * 1000)
    assert "Energy for 1,000 requests" not in by_title(explain(summary(), None, watts=100.0))


def test_measured_energy_needs_no_watts() -> None:
    unknown = by_title(explain(summary(), None, energy_price=0.36))["Energy for 1,000 requests"]
    assert unknown.result is None
    assert "--watts" in unknown.missing
    measured = summary(machine=Machine(joules=360.0, watched_s=3.6))
    found = by_title(explain(measured, None, energy_price=0.36))["Energy for 1,000 requests"]
    assert found.result == pytest.approx(36 / 3.6e6 * 0.36 * 1000)


def test_late_requests_are_paid_by_those_in_time() -> None:
    found = {each.key: each for each in explain(summary(), 2.0, good=5)}
    assert found["goodput_per_s"].result == pytest.approx(5 / 3.6)
    assert found["usd_per_1000_good"].result == pytest.approx(2 * (found["usd_per_1000_requests"].result or 0))
    none = {each.key: each for each in explain(summary(), 2.0, good=0)}
    assert (none["goodput_per_s"].result, none["usd_per_1000_good"].result) == (0.0, None)
    assert "goodput_per_s" not in {each.key for each in explain(summary(), 2.0)}


def test_keys_that_are_metrics_say_what_the_run_says() -> None:
    measured = summarise([(0, each) for each in one_by_one([360.0] * 10)], Observed(DELTA), Recipe(), {}, 2.0)
    found = {each.key: each.result for each in explain(measured, 2.0)}
    for tag in ("usd_per_1000_requests", "usd_per_million_tokens"):
        assert found[tag] == pytest.approx(measured["metrics"][tag])


def test_known_models_have_prices_and_others_have_none() -> None:
    price = api_price("gpt-4o-mini")
    assert 0 < price.input < price.output
    assert price.cached is not None
    assert price.cached < price.input
    with pytest.raises(InputError, match="no price is known for the model 'nobodys-model'"):
        api_price("nobodys-model")


def test_short_requests_do_not_pay_what_long_ones_do() -> None:
    short, long = api_price("claude-sonnet-4-5", 1000), api_price("claude-sonnet-4-5", 300_000)
    assert (short.input, short.output) == pytest.approx((3.0, 15.0))
    assert short.cached == pytest.approx(0.3)
    assert long.input > short.input


def test_the_engines_own_figures() -> None:
    metrics = summary(running=(1.0, 0.0), kv_usage=(0.1, 0.3))["metrics"]
    assert metrics["queue_time_ms"] == pytest.approx(50)
    assert metrics["prefill_percent"] == pytest.approx(75)
    assert (metrics["running_batch"], metrics["idle_percent"]) == (0.5, 50.0)
    assert (metrics["kv_usage_percent"], metrics["kv_usage_peak_percent"]) == pytest.approx((20.0, 30.0))
    assert metrics["preemptions"] == 0
    assert metrics["acceptance_percent"] is None
    assert summary(delta=None)["metrics"]["preemptions"] is None
