"""What is said of answers: a loss beside a saving, nothing where nothing is known, and models too weak to judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.analysis.ladder import Ladder, RungRuns, build_ladder
from app.analysis.summary import Observed, summarise
from app.views.answers import (
    answers_sentence,
    low_quality_note,
    points,
    quality_span,
    rung_sentence,
    since_baseline,
    verdict_of,
    with_answers,
)
from optimizers.recipe import Recipe
from tests.building import one_by_one, rung

RECIPES = (Recipe(), Recipe.from_json(["prefix_caching"]), Recipe.from_json(["prefix_caching", "continuous_batching"]))


def ladder(rights: Sequence[int | None], prompts: int = 60, expects: bool = True, halving: bool = True) -> Ladder:
    """Rungs that each answer so many prompts right, each twice as fast as the one before; None has not run."""
    expected = dict.fromkeys(range(prompts), "yes") if expects else {}
    made = []
    for number, right in enumerate(rights):
        latency = 400 / 2**number if halving else 400
        requests = [
            replace(each, text="yes" if each.position < (right or 0) else "no")
            for each in one_by_one([latency] * prompts)
        ]
        summary = summarise([(0, each) for each in requests], Observed(None), RECIPES[number], expected)
        done = right is not None
        made.append(
            RungRuns(
                rung=number,
                label=RECIPES[number].title,
                recipe=RECIPES[number],
                run_ids=(number,),
                statuses=("done" if done else "queued",),
                summaries=(summary if done else None,),
                data=replace(rung(*([requests] if done else [])), expected=expected),
            )
        )
    return build_ladder(made)


def test_a_saving_that_costs_answers_says_so_beside_its_verdict() -> None:
    baseline, cheaper = ladder([58, 40]).rungs
    assert verdict_of(baseline) == "baseline"
    assert verdict_of(cheaper) == "better on cost, worse on answers"
    said = rung_sentence(cheaper)
    assert said is not None
    assert said.startswith(
        f"{cheaper.label}: costs 0.50x the rung before (0.50x to 0.50x): better on cost, worse on answers; "
        "answers: 66.7 % right, 30.0 points fewer (-"
    )
    assert said.endswith("): worse.")


def test_a_change_that_may_be_chance_is_told_with_its_interval() -> None:
    _, step = ladder([60, 59]).rungs
    assert verdict_of(step) == "better"
    assert answers_sentence(step) == "answers: 98.3 % right, 1.7 points fewer (-6.1 to +2.8): no clear change"
    assert points(step.quality) == "-1.7 (-6.1 to +2.8)"
    assert quality_span(step) == "91.1-99.7"


def test_what_several_steps_lose_together_is_told() -> None:
    baseline, first, second = ladder([60, 57, 54]).rungs
    assert (since_baseline(baseline), since_baseline(first)) == (None, None)
    assert verdict_of(second) == "better"
    assert since_baseline(second) == "10.0 points fewer of the answers are right than on the baseline: worse"
    assert (rung_sentence(second) or "").endswith(f": no clear change; {since_baseline(second)}.")


def test_more_right_answers_and_as_many() -> None:
    _, gained, same = ladder([30, 50, 50]).rungs
    assert verdict_of(gained) == "better on cost and on answers"
    assert "33.3 points more (+" in (answers_sentence(gained) or "")
    assert answers_sentence(same) == "answers: 83.3 % right, as many as before (-3.2 to +3.2): no clear change"


def test_the_baseline_and_a_single_prompt_have_less_to_say() -> None:
    baseline, step = ladder([1, 0], prompts=1).rungs
    assert rung_sentence(baseline) == "Baseline: answers: 100.0 % right."
    assert answers_sentence(step) == "answers: 0.0 % right, 100.0 points fewer: no clear change"
    assert points(step.quality) == "-100.0"


def test_without_expected_answers_only_cost_is_told() -> None:
    baseline, step = ladder([0, 0], expects=False).rungs
    assert rung_sentence(baseline) is None
    assert rung_sentence(step) == f"{step.label}: costs 0.50x the rung before (0.50x to 0.50x): better."
    assert (points(step.quality), quality_span(step), low_quality_note(ladder([0, 0], expects=False))) == (
        "–",
        "–",
        None,
    )


def test_a_rung_that_has_not_run_says_nothing() -> None:
    waiting = ladder([50, None]).rungs[1]
    assert (rung_sentence(waiting), verdict_of(waiting)) == (None, "queued")


@pytest.mark.parametrize(("right", "judged"), [(29, False), (30, True)])
def test_a_baseline_that_is_mostly_wrong_cannot_judge(right: int, judged: bool) -> None:
    note = low_quality_note(ladder([right, right]))
    assert (note is None) is judged
    if note is not None:
        assert note.startswith("The baseline gives only 48.3 % of the expected answers")
        assert note.endswith("cannot be judged on this model.")
    assert low_quality_note(ladder([])) is None


def test_a_loss_of_answers_stands_beside_any_verdict() -> None:
    worse = ladder([58, 40]).rungs[1].quality_change
    assert with_answers("no clear change", worse) == "no clear change on cost, worse on answers"
    assert with_answers("worse", worse) == "worse on cost and on answers"
    assert with_answers("better", None) == "better"
