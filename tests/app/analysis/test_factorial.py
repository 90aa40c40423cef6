"""Effects from the costs of combinations: known costs give known factors, and what cannot be said is not said."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, permutations
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.analysis.compare import RungData
from app.analysis.factorial import Combination, Effect, Effects, find_effects, shapley
from app.analysis.resampling import SAMPLES
from tests.building import one_by_one, rung

NOTHING = RungData(())


def measured(latency_ms: float | None, hardware: str = "machine", spread: float = 0.02, prompts: int = 20) -> RungData:
    """Three repeats of prompts that take about as long; None has not run. The spread is the same for every call, so
    factors of two calls are exact."""
    if latency_ms is None:
        return NOTHING
    latencies = [latency_ms * (1 + spread * (at % 5)) for at in range(prompts)]
    return rung(*[one_by_one(latencies)] * 3, hardware=hardware)


def effects(costs: Mapping[str, float | None], noise: float = 0.0, idle: Mapping[str, str] | None = None) -> Effects:
    """Costs by combination, each technique a letter: {"": 400, "a": 200, "b": 100, "ab": 50}."""
    planned = [
        Combination(tuple(keys), measured(cost), frozenset((idle or {}).get(keys, ""))) for keys, cost in costs.items()
    ]
    return find_effects(planned, noise)


def factors(found: tuple[Effect, ...]) -> dict[str, float]:
    return {"".join(effect.techniques): round(effect.factor, 6) for effect in found}


def verdicts(found: tuple[Effect, ...]) -> dict[str, str]:
    return {"".join(effect.techniques): effect.verdict for effect in found}


class TestTwoTechniques:
    def test_savings_that_multiply_do_not_interact(self) -> None:
        found = effects({"": 400, "a": 200, "b": 100, "ab": 50})
        assert factors(found.alone) == {"a": 0.5, "b": 0.25}
        assert factors(found.without) == {"a": 2.0, "b": 4.0}
        assert (factors(found.interactions), verdicts(found.interactions)) == ({"ab": 1.0}, {"ab": "no clear change"})
        assert [share.percent for share in found.shares] == pytest.approx([100 / 3, 200 / 3])
        assert found.total is not None
        assert found.total.factor == pytest.approx(0.125)
        assert found.total.verdict == "better"

    def test_savings_of_the_same_thing_get_in_each_others_way(self) -> None:
        found = effects({"": 400, "a": 200, "b": 100, "ab": 100})
        assert (factors(found.interactions), verdicts(found.interactions)) == ({"ab": 2.0}, {"ab": "worse"})
        assert verdicts(found.without) == {"a": "no clear change", "b": "worse"}
        # a saves half when it comes first and nothing when it comes last; b a quarter left, or a half.
        assert [share.percent for share in found.shares] == pytest.approx([25, 75])

    def test_savings_that_need_each_other(self) -> None:
        found = effects({"": 400, "a": 400, "b": 400, "ab": 100})
        assert (factors(found.interactions), verdicts(found.interactions)) == ({"ab": 0.25}, {"ab": "better"})
        assert verdicts(found.alone) == {"a": "no clear change", "b": "no clear change"}
        assert [share.percent for share in found.shares] == pytest.approx([50, 50])

    def test_a_technique_that_costs_has_a_negative_share(self) -> None:
        found = effects({"": 400, "a": 100, "b": 800, "ab": 200})
        assert [round(share.percent) for share in found.shares] == [200, -100]
        assert verdicts(found.alone) == {"a": "better", "b": "worse"}
        assert verdicts(found.without) == {"a": "worse", "b": "better"}

    def test_every_figure_lies_in_its_interval(self) -> None:
        found = find_effects(
            [
                Combination(tuple(keys), measured(cost, spread=spread))
                for keys, cost, spread in (("", 400, 0.2), ("a", 200, 0.05), ("b", 100, 0.3), ("ab", 60, 0.1))
            ]
        )
        for effect in (*found.alone, *found.without, *found.interactions):
            assert effect.interval is not None
            assert effect.interval.low <= effect.factor <= effect.interval.high
            assert effect.interval.low < effect.interval.high
        for share in found.shares:
            assert share.interval is not None
            assert share.interval.low < share.percent < share.interval.high
        assert sum(share.percent for share in found.shares) == pytest.approx(100)


class TestWhatCannotBeSaid:
    def test_a_share_of_nothing(self) -> None:
        found = effects({"": 400, "a": 200, "b": 800, "ab": 400})
        assert found.shares == ()
        assert found.no_shares.startswith("everything together is no clear change from the baseline")
        assert factors(found.interactions) == {"ab": 1.0}

    def test_a_saving_within_the_noise_is_nothing(self) -> None:
        costs = {"": 400, "a": 380, "b": 380, "ab": 361}
        assert len(effects(costs).shares) == 2
        assert effects(costs, noise=0.1).shares == ()

    def test_combinations_that_have_not_run_yet(self) -> None:
        found = effects({"": 400, "a": 200, "b": None, "ab": None})
        assert factors(found.alone) == {"a": 0.5}
        assert (found.without, found.interactions, found.shares, found.total) == ((), (), (), None)
        assert found.no_shares == "2 of 4 combinations can be compared so far"

    def test_an_experiment_without_all_combinations_shares_nothing_and_says_nothing_of_it(self) -> None:
        alone = effects({"": 400, "a": 200, "b": 100, "c": 300})
        assert factors(alone.alone) == {"a": 0.5, "b": 0.25, "c": 0.75}
        assert (alone.without, alone.interactions, alone.shares, alone.no_shares) == ((), (), (), "")
        without = effects({"": 400, "abc": 40, "bc": 80, "ac": 160, "ab": 40})
        assert factors(without.without) == {"a": 2.0, "b": 4.0, "c": 1.0}
        assert (without.alone, without.interactions, without.shares, without.no_shares) == ((), (), (), "")

    def test_without_a_baseline_there_is_nothing(self) -> None:
        assert effects({"": None, "a": 200, "b": 100, "ab": 50}).alone == ()
        assert find_effects([]) == Effects()

    def test_another_machine_is_not_compared(self) -> None:
        elsewhere = Combination(("b",), measured(100, hardware="another"))
        found = find_effects([Combination((), measured(400)), Combination(("a",), measured(200)), elsewhere])
        assert factors(found.alone) == {"a": 0.5}

    def test_a_single_prompt_has_factors_and_no_intervals(self) -> None:
        costs = {"": 400, "a": 200, "b": 100, "ab": 50}
        found = find_effects([Combination(tuple(keys), measured(cost, prompts=1)) for keys, cost in costs.items()])
        assert factors(found.interactions) == {"ab": 1.0}
        assert [effect.interval for effect in (*found.alone, *found.interactions)] == [None] * 3
        assert found.shares == ()

    def test_the_noise_floor_hides_an_interaction_of_its_size(self) -> None:
        costs = {"": 400, "a": 200, "b": 100, "ab": 55}
        assert verdicts(effects(costs).interactions) == {"ab": "worse"}
        assert verdicts(effects(costs, noise=0.12).interactions) == {"ab": "no clear change"}


class TestCause:
    COSTS = {"": 400.0, "a": 200.0, "b": 300.0, "ab": 100.0}  # noqa: RUF012 - read only

    def test_what_took_no_effect_saves_nothing(self) -> None:
        found = effects(self.COSTS, idle={"b": "b", "ab": "b"})
        assert verdicts(found.alone) == {"a": "better", "b": "no clear change"}
        assert verdicts(found.without) == {"a": "worse", "b": "no clear change"}
        assert verdicts(found.interactions) == {"ab": "no clear change"}
        assert factors(found.alone)["b"] == 0.75

    def test_what_took_no_effect_can_still_cost(self) -> None:
        found = effects({"": 100, "a": 200, "b": 50, "ab": 100}, idle={"a": "a", "ab": "a"})
        assert verdicts(found.alone)["a"] == "worse"
        assert verdicts(found.without)["a"] == "better"

    def test_a_share_tells_in_how_many_combinations_its_technique_did_nothing(self) -> None:
        found = effects(self.COSTS, idle={"b": "b", "ab": "b"})
        assert [(share.technique, share.idle) for share in found.shares] == [("a", 0), ("b", 2)]

    def test_a_saving_of_techniques_that_all_did_nothing_is_not_shared_out(self) -> None:
        assert effects(self.COSTS, idle={"a": "a", "b": "b", "ab": "ab"}).shares == ()


def test_the_repeated_baseline_counts_once() -> None:
    again = Combination((), measured(4000))
    found = find_effects([Combination((), measured(400)), again, Combination(("a",), measured(200))])
    assert factors(found.alone) == {"a": 0.5}


def test_five_techniques_that_multiply_have_the_shares_of_their_logs() -> None:
    savings = dict(zip("abcde", (0.5, 0.8, 0.9, 0.25, 1.1), strict=True))
    subsets = ["".join(keys) for size in range(6) for keys in combinations("abcde", size)]
    found = effects({keys: 1000 * float(np.prod([savings[key] for key in keys])) for keys in subsets})
    total = sum(log(saving) for saving in savings.values())
    assert [share.percent for share in found.shares] == pytest.approx(
        [100 * log(saving) / total for saving in savings.values()]
    )
    assert len(found.interactions) == 10
    assert set(factors(found.interactions).values()) == {1.0}


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8))
def test_a_shapley_value_is_the_mean_over_all_orders(worth: list[float]) -> None:
    subsets = [frozenset(keys) for size in range(4) for keys in combinations("abc", size)]
    saved = {keys: np.array([value]) for keys, value in zip(subsets, worth, strict=True)}
    found = shapley(saved, "abc")
    for key in "abc":
        gains = []
        for order in permutations("abc"):
            before = frozenset(order[: order.index(key)])
            gains.append(saved[before | {key}][0] - saved[before][0])
        assert found[key][0] == pytest.approx(np.mean(gains), abs=1e-9)
    whole = saved[frozenset("abc")][0] - saved[frozenset()][0]
    assert sum(value[0] for value in found.values()) == pytest.approx(whole, abs=1e-9)


def test_draws_keep_the_pairing_of_prompts() -> None:
    """Prompts differ tenfold, techniques scale all of them alike: unpaired intervals would be wide."""
    planned = [
        Combination(tuple(keys), measured(cost, spread=2.5))
        for keys, cost in (("", 400), ("a", 200), ("b", 100), ("ab", 50))
    ]
    (interaction,) = find_effects(planned).interactions
    assert interaction.interval is not None
    assert interaction.interval.high - interaction.interval.low < 1e-6
    assert SAMPLES >= 1000
