"""The ladder: steps and multiples of the baseline, the A/A rung, repeats pooled, rungs that have not run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.analysis.compare import RungData
from app.analysis.ladder import Ladder, RungRuns, build_ladder, pooled_metrics
from app.analysis.metric import METRICS
from app.analysis.summary import Observed, summarise
from app.replay.record import RequestRecord
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from tests.building import one_by_one, record, rung

PREFIX = Recipe.from_json(["prefix_caching"])
BOTH = PREFIX.plus("continuous_batching")
NOTHING = RungData(())


def measured(
    number: int, recipe: Recipe, repeats: Sequence[Sequence[RequestRecord]], status: str = "done", **summary: Any
) -> RungRuns:
    summaries = [summarise([(0, each) for each in one], Observed(None), recipe, {}) | summary for one in repeats]
    return RungRuns(
        rung=number,
        label=recipe.title,
        recipe=recipe,
        run_ids=tuple(10 * number + at for at in range(len(repeats))),
        statuses=(status,) * len(repeats),
        summaries=tuple(summaries),
        data=rung(*repeats),
        schedule="one by one",
    )


def waiting(number: int, recipe: Recipe, *statuses: str) -> RungRuns:
    summaries = (None,) * len(statuses)
    return RungRuns(number, recipe.title, recipe, tuple(range(len(statuses))), statuses, summaries, NOTHING)


def repeats(latency_ms: float, count: int = 3) -> list[list[RequestRecord]]:
    return [one_by_one([latency_ms + at for at in range(20)]) for _ in range(count)]


def four_rungs(again_ms: float = 200.0) -> Ladder:
    return build_ladder(
        [
            measured(0, Recipe(), repeats(200)),
            measured(1, Recipe(), repeats(again_ms)),
            measured(2, PREFIX, repeats(100)),
            measured(3, BOTH, repeats(50)),
        ]
    )


def test_costs_are_multiples_of_the_baseline_and_steps_of_the_rung_before() -> None:
    baseline, again, prefix, both = four_rungs().rungs
    assert (baseline.cost, baseline.step, baseline.step_verdict) == (1.0, None, "baseline")
    assert again.cost == pytest.approx(1.0)
    assert prefix.cost == prefix.step == pytest.approx(0.523, abs=0.01)
    assert both.cost == pytest.approx(0.284, abs=0.01)
    assert both.step == pytest.approx(0.54, abs=0.01)
    for each in (prefix, both):
        assert each.step_verdict == each.comparison.verdict == "better"
        assert each.cost_interval is not None
        assert each.cost is not None
        assert each.cost_interval.low <= each.cost <= each.cost_interval.high
        assert each.metrics["relative_cost"] == each.cost


def test_the_second_baseline_is_the_noise_floor_and_no_step() -> None:
    ladder = four_rungs(again_ms=220.0)
    assert [each.is_again for each in ladder.rungs] == [False, True, False, False]
    assert ladder.noise["relative_cost"] == pytest.approx(20 / 209.5, abs=0.001)
    # The third rung's step is taken from the baseline, not from the baseline again.
    assert ladder.rungs[2].step == ladder.rungs[2].cost


def test_a_noisy_machine_hides_an_effect_of_its_own_size() -> None:
    quiet = build_ladder([measured(0, Recipe(), repeats(200)), measured(1, PREFIX, repeats(170))])
    assert quiet.noise == {}
    assert quiet.rungs[1].step_verdict == "better"
    noisy = build_ladder(
        [measured(0, Recipe(), repeats(200)), measured(1, Recipe(), repeats(240)), measured(2, PREFIX, repeats(170))]
    )
    assert noisy.rungs[2].step_verdict == "no clear change"


def test_each_rung_says_what_it_adds_and_what_the_article_claims() -> None:
    baseline, again, prefix, both = four_rungs().rungs
    assert [each.adds for each in (baseline, again, prefix, both)] == [
        None,
        None,
        "prefix_caching",
        "continuous_batching",
    ]
    assert prefix.claim is not None
    assert prefix.claim.cumulative == 0.38
    assert prefix.claim.step == pytest.approx(0.38 / 0.55)
    assert both.spoken_claim
    assert (again.claim, again.spoken_claim) == (None, "")


def test_rungs_that_have_not_run_keep_their_place_without_figures() -> None:
    ladder = build_ladder(
        [
            measured(0, Recipe(), repeats(200)),
            waiting(1, Recipe(), "running", "queued"),
            waiting(2, PREFIX, "queued", "queued"),
        ]
    )
    assert [each.status for each in ladder.rungs] == ["done", "running", "queued"]
    for each in ladder.rungs[1:]:
        assert (each.cost, each.step, each.same_output, each.evidence) == (None, None, None, ())
        assert each.metrics["ttft_ms"] == {"mean": None, "p50": None, "p95": None, "p99": None}
        assert each.metrics["requests_per_s"] is None
        # Nothing is known of its prompts yet: it has not been found different.
        assert each.comparison.verdict == "failed"
    assert ladder.noise == {}


def test_a_ladder_whose_baseline_has_not_run() -> None:
    ladder = build_ladder([waiting(0, Recipe(), "running"), waiting(1, PREFIX, "queued")])
    assert [each.cost for each in ladder.rungs] == [None, None]
    assert build_ladder([]).rungs == ()


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (("done", "done"), "done"),
        (("done", "running"), "running"),
        (("done", "queued"), "running"),
        (("queued", "queued"), "queued"),
        (("done", "failed"), "failed"),
        (("interrupted", "queued"), "interrupted"),
        (("done", "cancelled"), "cancelled"),
    ],
)
def test_a_rungs_status_is_the_most_telling_of_its_runs(statuses: tuple[str, ...], status: str) -> None:
    assert build_ladder([waiting(0, Recipe(), *statuses)]).rungs[0].status == status


def test_evidence_counts_only_if_every_repeat_had_it() -> None:
    def evidence(*effects: bool | None) -> bool | None:
        runs = measured(0, PREFIX, repeats(100, count=len(effects)))
        summaries: list[Mapping[str, Any]] = [
            {**summary, "evidence": [{"technique": "prefix_caching", "took_effect": effect, "detail": "d"}]}
            for summary, effect in zip(runs.summaries, effects, strict=True)
            if summary is not None
        ]
        ladder = build_ladder([RungRuns(**{**vars(runs), "summaries": tuple(summaries)})])
        return bool(ladder.rungs[0].evidence) and ladder.rungs[0].evidence[0]["took_effect"]

    assert evidence(True, True) is True
    assert evidence(True, False) is False
    assert evidence(True, None) is None
    assert evidence(None, False) is False


def test_the_same_output_is_compared_with_the_baselines() -> None:
    good = one_by_one([100.0] * 4)
    changed = [record(r.position, text="other" if r.position == 0 else r.text) for r in good]
    ladder = build_ladder([measured(0, Recipe(), [good]), measured(1, PREFIX, [changed])])
    assert [each.same_output for each in ladder.rungs] == [None, 75.0]


def test_every_repeat_counts_for_agreement_and_steps_are_held_to_the_rung_before() -> None:
    good = one_by_one([100.0] * 4)
    changed = [record(r.position, text="answers" if r.position == 0 else r.text) for r in good]
    ladder = build_ladder(
        [
            measured(0, Recipe(), [good, good]),
            measured(1, PREFIX, [good, changed]),
            measured(2, BOTH, [good, changed]),
        ]
    )
    baseline, prefix, both = ladder.rungs
    assert (baseline.same_output, baseline.similarity, baseline.step_same_output) == (None, None, None)
    assert (prefix.same_output, prefix.step_same_output) == (87.5, 87.5)
    assert prefix.similarity == pytest.approx(100 * (7 + 6 / 7) / 8)
    assert (both.same_output, both.step_same_output) == (87.5, 100.0)
    assert both.metrics["step_same_output"] == 100.0


class TestAnswers:
    def answering(self, number: int, recipe: Recipe, right: int, latency_ms: float = 200) -> RungRuns:
        """60 prompts in two repeats, of which so many are answered right."""
        expected = dict.fromkeys(range(60), "yes")
        requests = [
            replace(each, text="yes" if each.position < right else "no") for each in one_by_one([latency_ms] * 60)
        ]
        summary = summarise([(0, each) for each in requests], Observed(None), recipe, expected)
        data = replace(rung(requests, requests), expected=expected)
        return replace(measured(number, recipe, [requests] * 2), summaries=(summary, summary), data=data)

    def test_a_cheaper_rung_can_answer_worse(self) -> None:
        ladder = build_ladder([self.answering(0, Recipe(), 58), self.answering(1, PREFIX, 40, latency_ms=100)])
        baseline, cheaper = ladder.rungs
        assert (baseline.quality, baseline.step_quality) == (None, None)
        assert cheaper.step_verdict == "better"
        assert cheaper.step_quality is not None
        assert cheaper.step_quality == cheaper.quality
        assert (cheaper.step_quality.verdict, cheaper.step_quality.lost) == ("worse", 18)

    def test_small_losses_of_each_step_add_up_against_the_baseline(self) -> None:
        rights = (60, 58, 56, 54)
        recipes = (Recipe(), PREFIX, BOTH, BOTH.plus("speculative_decoding"))
        rungs = [self.answering(at, *each) for at, each in enumerate(zip(recipes, rights, strict=True))]
        last = build_ladder(rungs).rungs[-1]
        assert last.step_quality is not None
        assert last.quality is not None
        assert (last.step_quality.verdict, last.quality.verdict) == ("no clear change", "worse")
        assert last.quality.delta == pytest.approx(-10.0)

    def test_the_interval_counts_prompts_and_not_requests(self) -> None:
        found = build_ladder([self.answering(0, Recipe(), 45)]).rungs[0]
        assert found.metrics["quality"] == 75.0
        assert found.quality_interval is not None
        assert 62 < found.quality_interval.low < 63
        assert 84 < found.quality_interval.high < 85

    def test_without_expected_answers_there_is_no_quality(self) -> None:
        found = four_rungs().rungs[2]
        assert (found.metrics["quality"], found.quality_interval, found.step_quality, found.quality) == (None,) * 4


def test_identical_output_is_held_against_the_technique_that_claims_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {"technique": "prefix_caching", "took_effect": True, "detail": "9 hits", "figures": {"hits": 9}}

    def told() -> Mapping[str, Any]:
        prefix = measured(1, PREFIX, repeats(100), evidence=[seen])
        return build_ladder([measured(0, Recipe(), repeats(200)), prefix]).rungs[1].evidence[0]

    assert told()["detail"] == "9 hits; 100.0 % of answers identical to the rung before"
    assert told()["figures"] == {"hits": 9, "identical_output": 1.0}
    monkeypatch.setattr(type(techniques().get("prefix_caching")), "claims_identical_output", False)
    assert told() == seen


def test_failures_and_suspicions_of_all_repeats_are_shown_once() -> None:
    runs = measured(0, Recipe(), repeats(100, 2), suspect=["it lagged"], errors=2)
    found = build_ladder([runs]).rungs[0]
    assert (found.suspect, found.errors, found.requests) == (("it lagged",), 4, 40)


class TestPooling:
    def summary(self, **metrics: Any) -> dict[str, Any]:
        return {"metrics": metrics}

    def test_repeats_are_averaged_statistic_by_statistic(self) -> None:
        found = pooled_metrics(
            [
                self.summary(ttft_ms={"mean": 1.0, "p50": 2.0, "p95": None, "p99": 8.0}, requests_per_s=4.0),
                None,
                self.summary(ttft_ms={"mean": 3.0, "p50": 4.0, "p95": 6.0, "p99": None}, requests_per_s=None),
            ]
        )
        assert found["ttft_ms"] == {"mean": 2.0, "p50": 3.0, "p95": 6.0, "p99": 8.0}
        assert found["requests_per_s"] == 4.0

    def test_a_metric_that_no_repeat_has_is_none(self) -> None:
        found = pooled_metrics([self.summary(ttft_ms=None, quality=None), self.summary()])
        assert found["quality"] is None
        assert set(found["ttft_ms"].values()) == {None}
        assert found.keys() == pooled_metrics([]).keys() == {metric.tag for metric in METRICS}

    def test_a_measured_zero_counts(self) -> None:
        assert pooled_metrics([self.summary(cached_tokens=0), self.summary(cached_tokens=10)])["cached_tokens"] == 5


def test_a_reason_that_differs_only_in_its_figures_stands_once_with_the_worst() -> None:
    one, two = (measured(0, Recipe(), repeats(100, 1), suspect=[f"it lagged by {ms} ms", "x"]) for ms in (90, 104))
    both = measured(0, Recipe(), repeats(100, 2))
    found = build_ladder([replace(both, summaries=(*one.summaries, *two.summaries))]).rungs[0]
    assert found.suspect == ("it lagged by 104 ms", "x")


def test_a_saving_without_a_cause_is_no_saving() -> None:
    nothing = {"technique": "prefix_caching", "took_effect": False, "detail": "no hit", "figures": {}}
    for effect, verdict in ((False, "no clear change"), (True, "better")):
        cheaper = measured(1, PREFIX, repeats(100), evidence=[{**nothing, "took_effect": effect}])
        found = build_ladder([measured(0, Recipe(), repeats(200)), cheaper]).rungs[1]
        assert (found.step_verdict, found.comparison.verdict) == (verdict, verdict)
        assert found.comparison.differences["ttft_ms"].verdict == verdict
        assert any("although nothing shows" in reason for reason in found.suspect) is not effect


def test_what_got_worse_without_an_effect_is_worse() -> None:
    nothing = {"technique": "prefix_caching", "took_effect": False, "detail": "no hit", "figures": {}}
    dearer = measured(1, PREFIX, repeats(300), evidence=[nothing])
    assert build_ladder([measured(0, Recipe(), repeats(200)), dearer]).rungs[1].step_verdict == "worse"
