"""The ladder: steps and multiples of the baseline, the A/A rung, repeats pooled, rungs that have not run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from app.analysis.compare import RungData
from app.analysis.ladder import Ladder, RungRuns, build_ladder
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
    assert (baseline.cost, baseline.step, baseline.verdict) == (1.0, None, "baseline")
    assert again.cost == pytest.approx(1.0)
    assert prefix.cost == prefix.step == pytest.approx(0.523, abs=0.01)
    assert both.cost == pytest.approx(0.284, abs=0.01)
    assert both.step == pytest.approx(0.54, abs=0.01)
    for each in (prefix, both):
        assert each.verdict == each.comparison.verdict == "better"
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
    assert quiet.rungs[1].verdict == "better"
    noisy = build_ladder(
        [measured(0, Recipe(), repeats(200)), measured(1, Recipe(), repeats(240)), measured(2, PREFIX, repeats(170))]
    )
    assert noisy.rungs[2].verdict == "no clear change"


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
        assert (baseline.quality, baseline.quality_change) == (None, None)
        assert cheaper.verdict == "better"
        assert cheaper.quality_change is not None
        assert cheaper.quality_change == cheaper.quality
        assert (cheaper.quality_change.verdict, cheaper.quality_change.lost) == ("worse", 18)

    def test_small_losses_of_each_step_add_up_against_the_baseline(self) -> None:
        rights = (60, 56, 52, 48)
        recipes = (Recipe(), PREFIX, BOTH, BOTH.plus("speculative_decoding"))
        rungs = [self.answering(at, *each) for at, each in enumerate(zip(recipes, rights, strict=True))]
        last = build_ladder(rungs).rungs[-1]
        assert last.quality_change is not None
        assert last.quality is not None
        assert (last.quality_change.verdict, last.quality.verdict) == ("no clear change", "worse")
        assert last.quality.delta == pytest.approx(-20.0)

    def test_the_interval_counts_prompts_and_not_requests(self) -> None:
        found = build_ladder([self.answering(0, Recipe(), 45)]).rungs[0]
        assert found.metrics["quality"] == 75.0
        assert found.quality_interval is not None
        assert 62 < found.quality_interval.low < 63
        assert 84 < found.quality_interval.high < 85

    def test_without_expected_answers_there_is_no_quality(self) -> None:
        found = four_rungs().rungs[2]
        assert (found.metrics["quality"], found.quality_interval, found.quality_change, found.quality) == (None,) * 4


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
        assert (found.verdict, found.comparison.verdict) == (verdict, verdict)
        assert found.comparison.differences["ttft_ms"].verdict == verdict
        assert any("although nothing shows" in reason for reason in found.suspect) is not effect


def test_what_got_worse_without_an_effect_is_worse() -> None:
    nothing = {"technique": "prefix_caching", "took_effect": False, "detail": "no hit", "figures": {}}
    dearer = measured(1, PREFIX, repeats(300), evidence=[nothing])
    assert build_ladder([measured(0, Recipe(), repeats(200)), dearer]).rungs[1].verdict == "worse"


class TestReferences:
    """What rungs are held against where they are no steps."""

    BATCHING = Recipe.from_json(["continuous_batching"])
    PREFIX_HIT: ClassVar[list[dict[str, Any]]] = [
        {"technique": "prefix_caching", "took_effect": True, "detail": "hits", "figures": {}}
    ]

    def one_at_a_time(self) -> Ladder:
        rungs = [
            measured(0, Recipe(), repeats(200)),
            measured(1, Recipe(), repeats(200)),
            measured(2, PREFIX, repeats(100), evidence=self.PREFIX_HIT),
            measured(3, self.BATCHING, repeats(50)),
        ]
        return build_ladder(rungs, "baseline")

    def test_each_technique_alone_is_held_against_the_baseline(self) -> None:
        ladder = self.one_at_a_time()
        assert [each.against and (each.against.rung, each.against.name) for each in ladder.rungs] == [
            None, (0, "the baseline"), (0, "the baseline"), (0, "the baseline"),
        ]  # fmt: skip
        last = ladder.rungs[3]
        assert last.against is not None
        assert last.against.factor == last.cost == pytest.approx(0.284, abs=0.01)
        assert (last.step, last.step_interval, last.step_same_output) == (None, None, None)
        assert (last.adds, last.verdict, last.claim) == ("continuous_batching", "better", None)
        assert ladder.effects is not None
        assert [effect.factor for effect in ladder.effects.alone] == [each.cost for each in ladder.rungs[2:]]

    def test_identical_output_is_held_against_what_the_rung_is_held_against(self) -> None:
        assert (
            self.one_at_a_time().rungs[2].evidence[0]["detail"] == "hits; 100.0 % of answers identical to the baseline"
        )

    def left_out(self, idle: str = "") -> Ladder:
        def seen(*keys: str) -> list[dict[str, Any]]:
            return [{"technique": key, "took_effect": key != idle, "detail": "d", "figures": {}} for key in keys]

        rungs = [
            measured(0, Recipe(), repeats(200)),
            measured(1, Recipe(), repeats(200)),
            measured(2, BOTH, repeats(50), evidence=seen("prefix_caching", "continuous_batching")),
            measured(3, self.BATCHING, repeats(100), evidence=seen("continuous_batching")),
            measured(4, PREFIX, repeats(49), evidence=seen("prefix_caching")),
        ]
        return build_ladder(rungs, "everything")

    def test_what_is_left_out_is_held_against_everything(self) -> None:
        ladder = self.left_out()
        assert [each.against and (each.against.rung, each.against.name) for each in ladder.rungs] == [
            None, (0, "the baseline"), (0, "the baseline"), (2, "everything"), (2, "everything"),
        ]  # fmt: skip
        everything, without_prefix, without_batching = ladder.rungs[2:]
        assert everything.verdict == "better"
        assert without_prefix.against is not None
        assert without_prefix.against.factor == pytest.approx(1.84, abs=0.01)
        assert without_prefix.verdict == "worse"
        # Beside the baseline it is cheaper all the same.
        assert without_prefix.comparison.verdict == "better"
        assert without_batching.verdict == "no clear change"
        assert ladder.effects is not None
        assert {effect.techniques: effect.verdict for effect in ladder.effects.without} == {
            ("prefix_caching",): "worse", ("continuous_batching",): "no clear change",
        }  # fmt: skip

    def test_what_did_nothing_is_not_missed(self) -> None:
        ladder = self.left_out(idle="prefix_caching")
        assert ladder.rungs[3].verdict == "no clear change"
        assert any("84% more although nothing shows that prefix_caching" in text for text in ladder.rungs[3].suspect)
        assert ladder.effects is not None
        assert {effect.verdict for effect in ladder.effects.without} == {"no clear change"}

    def test_everything_that_has_not_run_leaves_the_others_without_a_verdict(self) -> None:
        rungs = [measured(0, Recipe(), repeats(200)), waiting(1, BOTH, "queued"), measured(2, PREFIX, repeats(100))]
        last = build_ladder(rungs, "everything").rungs[2]
        assert last.against is not None
        assert (last.against.factor, last.verdict) == (None, "failed")
        assert last.cost is not None

    def test_a_ladder_has_steps_and_no_effects(self) -> None:
        ladder = four_rungs()
        assert ladder.effects is None
        assert ladder.rungs[3].against is not None
        assert (ladder.rungs[3].against.rung, ladder.rungs[3].against.name) == (2, "the rung before")
