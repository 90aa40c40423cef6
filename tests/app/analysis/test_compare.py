"""Verdicts: a real effect is found, equal data is no change, and what cannot be compared says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from app.analysis.compare import (
    MEASURES,
    MIN_EFFECT,
    RungData,
    compare,
    corrected,
    hardware_seconds,
    noise_floor,
)
from app.replay.record import RequestRecord
from tests.building import one_by_one, record, rung


def latencies(seed: int, factor: float = 1.0, prompts: int = 40, noise: float = 0.03) -> list[float]:
    rng = np.random.default_rng(seed)
    return list(np.linspace(80, 400, prompts) * factor * rng.lognormal(0, noise, prompts))


def measured(seed: int, factor: float = 1.0, repeats: int = 3) -> RungData:
    return rung(*(one_by_one(latencies(seed * 100 + repeat, factor)) for repeat in range(repeats)))


def without(records: Sequence[RequestRecord], *failed: int) -> list[RequestRecord]:
    return [record(r.position, error="HTTP 500: no") if r.position in failed else r for r in records]


def test_a_fifth_less_is_found() -> None:
    found = compare(measured(1), measured(2, factor=0.8))
    cost = found.differences["relative_cost"]
    assert found.verdict == cost.verdict == "better"
    assert cost.delta == pytest.approx(-0.2, abs=0.02)
    assert cost.interval is not None
    assert cost.interval.low < -0.2 < cost.interval.high < -0.15
    assert found.differences["ttft_ms"].verdict == "better"
    assert found.differences["e2e_ms"].verdict == "better"
    assert found.reason.startswith("0.80x the baseline's cost per answered request (95 % interval 0.")


def test_a_fifth_more_is_worse() -> None:
    found = compare(measured(1), measured(2, factor=1.2))
    assert found.verdict == "worse"
    assert found.differences["tpot_ms"].verdict == "worse"


def test_equal_data_is_no_change() -> None:
    found = compare(measured(1), measured(1))
    assert found.verdict == "no clear change"
    assert found.differences["relative_cost"].delta == 0.0
    assert {difference.verdict for difference in found.differences.values()} == {"no clear change"}


@pytest.mark.parametrize("seed", range(2, 12))
def test_the_same_again_is_no_change_whatever_the_noise(seed: int) -> None:
    assert compare(measured(1), measured(seed)).verdict == "no clear change"


def test_an_effect_too_small_to_matter_is_no_change() -> None:
    exact = [one_by_one([100.0 + at for at in range(40)]) for _ in range(3)]
    a_little = [one_by_one([(100.0 + at) * (1 - MIN_EFFECT + 0.01) for at in range(40)]) for _ in range(3)]
    found = compare(rung(*exact), rung(*a_little)).differences["relative_cost"]
    assert found.interval is not None
    assert found.interval.high < 0
    assert found.verdict == "no clear change"
    enough = [one_by_one([(100.0 + at) * (1 - MIN_EFFECT - 0.01) for at in range(40)]) for _ in range(3)]
    assert compare(rung(*exact), rung(*enough)).verdict == "better"


def test_an_effect_within_the_noise_floor_is_no_change() -> None:
    before, after = measured(1), measured(2, factor=0.8)
    assert compare(before, after, {"relative_cost": 0.1}).verdict == "better"
    assert compare(before, after, {"relative_cost": 0.3}).verdict == "no clear change"


def test_a_wide_interval_around_a_large_change_is_no_change() -> None:
    before = rung(one_by_one([100.0] * 4))
    after = rung(one_by_one([10.0, 10.0, 10.0, 600.0]))
    found = compare(before, after).differences["relative_cost"]
    assert found.delta is not None
    assert found.delta > 0.5
    assert found.verdict == "no clear change"


def test_the_noise_floor_is_how_far_two_equal_rungs_lie_apart() -> None:
    floor = noise_floor(rung(one_by_one([100.0] * 10)), rung(one_by_one([93.0] * 10)))
    assert floor["relative_cost"] == pytest.approx(0.07)
    assert floor["output_tokens"] == 0.0
    assert all(value >= 0 for value in floor.values())


def test_more_or_fewer_tokens_are_neither_better_nor_worse() -> None:
    before = rung([record(at, due_ms=at * 200, tokens=11) for at in range(10)])
    after = rung([record(at, due_ms=at * 200, tokens=22, tpot_ms=5) for at in range(10)])
    found = compare(before, after).differences["output_tokens"]
    assert (found.delta, found.verdict) == (1.0, "no clear change")


def test_other_prompts_or_hardware_are_not_comparable() -> None:
    baseline = measured(1)
    other_prompts = compare(baseline, RungData(baseline.repeats, "other set", "machine"))
    assert (other_prompts.verdict, other_prompts.reason) == ("not comparable", "the prompt sets differ")
    other_machine = compare(baseline, RungData(baseline.repeats, "set", "H100"))
    assert other_machine.verdict == "not comparable"
    assert "machine against H100" in other_machine.reason
    assert other_machine.differences == {}


@pytest.mark.parametrize("nothing", [RungData(()), rung([]), rung([record(0, error="no"), record(1, error="no")])])
def test_a_side_that_answered_nothing_has_failed(nothing: RungData) -> None:
    assert compare(nothing, measured(1)).reason == "the baseline answered no request"
    candidate = compare(measured(1), nothing)
    assert (candidate.verdict, candidate.reason) == ("failed", "the candidate answered no request")


class TestMissingAnswers:
    def test_a_prompt_that_failed_on_one_side_is_left_out_of_the_pair(self) -> None:
        values = latencies(1)
        before = rung(one_by_one(values), one_by_one(values))
        after = rung(without(one_by_one(values), 3, 17), without(one_by_one(values), 3, 17))
        found = compare(before, after).differences["ttft_ms"]
        assert found.delta == pytest.approx(0.0)
        assert found.interval is not None

    def test_a_prompt_that_failed_in_one_repeat_only_still_counts(self) -> None:
        before = rung(without(one_by_one([100.0, 900.0]), 1), without(one_by_one([100.0, 900.0]), 0))
        found = compare(before, before).differences["e2e_ms"]
        assert found.baseline == pytest.approx(500.0)
        assert found.delta == 0.0

    def test_time_spent_on_failures_is_paid_by_the_answers(self) -> None:
        good = one_by_one([100.0] * 10)
        found = compare(rung(good), rung(without(good, *range(5)))).differences["relative_cost"]
        assert found.delta is not None
        assert found.delta > 0.5

    def test_no_prompt_answered_on_both_sides_has_no_figures(self) -> None:
        good = one_by_one([100.0] * 4)
        found = compare(rung(without(good, 0, 1)), rung(without(good, 2, 3)))
        assert found.verdict == "no clear change"
        assert found.reason == "the cost could not be compared"
        assert all(each.delta is None and each.interval is None for each in found.differences.values())

    def test_different_parts_of_a_set_are_compared_where_they_overlap(self) -> None:
        found = compare(rung(one_by_one([100.0] * 8)), rung(one_by_one([100.0] * 4))).differences["ttft_ms"]
        assert found.delta == pytest.approx(0.0)

    def test_answers_of_one_token_have_no_time_per_token(self) -> None:
        before = rung([record(at, due_ms=at * 200, tokens=1) for at in range(5)])
        found = compare(before, before).differences["tpot_ms"]
        assert (found.baseline, found.delta, found.verdict) == (None, None, "no clear change")

    def test_counts_that_the_server_did_not_send_are_missing_and_not_zero(self) -> None:
        silent = rung([replace(each, completion_tokens=None) for each in one_by_one([100.0] * 5)])
        found = compare(silent, silent)
        assert found.differences.keys() == MEASURES.keys()
        for tag in ("output_tokens", "tpot_ms"):
            assert (found.differences[tag].baseline, found.differences[tag].delta) == (None, None)
        assert found.differences["ttft_ms"].delta == 0.0


def answering(*repeats: str, rule: str = "contains") -> RungData:
    """A rung whose answers are right where a repeat's letter is r; f is a failed request."""
    words = {"r": "yes", "w": "no", "f": ""}
    made = [
        [record(at, due_ms=at * 200, text=words[each], error="no" if each == "f" else None)
         for at, each in enumerate(repeat)]
        for repeat in repeats
    ]  # fmt: skip
    return replace(rung(*made), expected=dict.fromkeys(range(len(repeats[0])), "yes"), score=rule)


class TestAnswers:
    def test_a_clear_loss_is_worse_in_points(self) -> None:
        found = compare(answering("r" * 60, "r" * 60), answering("r" * 40 + "w" * 20, "r" * 40 + "w" * 20))
        quality = found.differences["quality"]
        assert (quality.unit, quality.baseline) == ("points", 100.0)
        assert quality.candidate == pytest.approx(200 / 3)
        assert quality.delta == pytest.approx(-100 / 3)
        assert quality.interval is not None
        assert -50 < quality.interval.low < -100 / 3 < quality.interval.high < -15
        assert (quality.verdict, quality.won, quality.lost) == ("worse", 0, 20)
        assert quality.format(quality.delta or 0) == "-33.3 points"
        # The verdict on cost stands by itself.
        assert found.verdict == "no clear change"

    def test_a_clear_gain_is_better(self) -> None:
        assert compare(answering("w" * 30 + "r" * 30), answering("r" * 60)).differences["quality"].verdict == "better"

    @pytest.mark.parametrize(("lost", "verdict"), [(5, "no clear change"), (6, "worse")])
    def test_a_few_lost_prompts_are_a_loss_only_when_chance_is_unlikely(self, lost: int, verdict: str) -> None:
        quality = compare(answering("r" * 64), answering("r" * (64 - lost) + "w" * lost)).differences["quality"]
        assert (quality.verdict, quality.won, quality.lost) == (verdict, 0, lost)

    def test_as_many_won_as_lost_is_no_change(self) -> None:
        quality = compare(answering("rrww" * 10), answering("rwrw" * 10)).differences["quality"]
        assert (quality.delta, quality.won, quality.lost) == (0.0, 10, 10)
        assert quality.verdict == "no clear change"
        assert quality.interval is not None
        assert quality.interval.low < 0 < quality.interval.high

    def test_a_loss_that_may_be_chance_is_no_clear_change(self) -> None:
        quality = compare(answering("r" * 60), answering("r" * 58 + "ww")).differences["quality"]
        assert quality.delta == pytest.approx(-100 / 30)
        assert (quality.verdict, quality.lost) == ("no clear change", 2)

    def test_a_loss_within_the_noise_or_below_a_point_is_no_clear_change(self) -> None:
        before, after = answering("r" * 60), answering("r" * 40 + "w" * 20)
        assert compare(before, after, {"quality": 40.0}).differences["quality"].verdict == "no clear change"
        assert compare(before, after, {"quality": 5.0}).differences["quality"].verdict == "worse"
        many, few = answering("r" * 2000), answering("r" * 1985 + "w" * 15)
        small = compare(many, few).differences["quality"]
        assert small.interval is not None
        assert small.interval.high < 0
        assert small.verdict == "no clear change"

    def test_repeats_of_a_prompt_are_one_prompt(self) -> None:
        # Four prompts wrong in one repeat of two: half a prompt each, and each lost.
        quality = compare(answering("r" * 40, "r" * 40), answering("r" * 36 + "wwww", "r" * 40)).differences["quality"]
        assert quality.delta == pytest.approx(-5.0)
        assert quality.lost == 4

    def test_a_failed_request_is_a_wrong_answer(self) -> None:
        assert compare(answering("rrrr"), answering("rrff")).differences["quality"].delta == -50.0

    def test_the_rule_decides(self) -> None:
        exact = replace(answering("rrrr", rule="exact"), expected=dict.fromkeys(range(4), "yes, today"))
        assert exact.scores == ({0: False, 1: False, 2: False, 3: False},)

    def test_without_expected_answers_nothing_is_known(self) -> None:
        quality = compare(measured(1), measured(1)).differences["quality"]
        assert (quality.baseline, quality.delta, quality.interval, quality.won) == (None, None, None, None)
        assert (quality.unit, quality.verdict) == ("points", "no clear change")

    def test_an_expected_answer_that_was_never_asked_for_is_no_wrong_one(self) -> None:
        side = replace(answering("rr"), expected=dict.fromkeys(range(9), "yes"))
        assert side.scores == ({0: True, 1: True},)

    def test_the_noise_floor_of_answers_is_in_points(self) -> None:
        assert noise_floor(answering("r" * 10), answering("r" * 9 + "w"))["quality"] == pytest.approx(10.0)


class TestManyTogether:
    def test_a_loss_that_is_clear_alone_may_be_chance_among_many(self) -> None:
        before = answering("r" * 64)
        loss, same = compare(before, answering("r" * 58 + "w" * 6)), compare(before, before)
        assert loss.differences["quality"].verdict == "worse"
        together = corrected([loss, *[same] * 7])[0]
        quality = together.differences["quality"]
        assert quality.verdict == "no clear change"
        assert quality.interval == loss.differences["quality"].interval
        assert quality.chance is not None
        assert quality.corrected is not None
        assert quality.chance < 0.05 < quality.corrected

    def test_a_clear_saving_stays_clear(self) -> None:
        found = corrected([compare(measured(1), measured(2, factor=0.8)), *[compare(measured(1), measured(3))] * 7])
        assert [each.verdict for each in found] == ["better", *["no clear change"] * 7]

    def test_what_cannot_be_compared_stays_so(self) -> None:
        failed = compare(measured(1), RungData(()))
        assert corrected([failed]) == [failed]
        assert corrected([]) == []


@pytest.mark.parametrize(("repeats", "prompts", "reasons"), [(3, 16, 0), (2, 16, 1), (3, 15, 1), (1, 1, 2)])
def test_small_samples_say_why(repeats: int, prompts: int, reasons: int) -> None:
    side = rung(*[one_by_one([100.0] * prompts)] * repeats)
    assert len(compare(side, side).small_sample) == reasons


def test_hardware_time_adds_up_to_the_run() -> None:
    overlapping = [(0, record(at, due_ms=0, ttft_ms=100 * (at + 1), tokens=1)) for at in range(4)]
    shares = hardware_seconds(overlapping)
    assert sum(value or 0 for value in shares.values()) == pytest.approx(0.4)
    assert (shares[3] or 0) == pytest.approx(4 * (shares[0] or 0))
    assert hardware_seconds([(0, record(0, error="no"))]) == {}
    prepared = [(0, replace(each, prepared_ns=2_000_000_000)) for _, each in overlapping]
    assert hardware_seconds(prepared) == {position: (share or 0) + 2 for position, share in shares.items()}
