"""What the What-if page says and draws of its answers."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from app.analysis.break_even import break_even
from app.analysis.explain import ApiPrice
from app.analysis.load_curve import LoadCurve
from app.analysis.metric import MISSING
from app.analysis.scenario import Scenario
from app.analysis.sensitivity import sensitivity
from app.analysis.statistics import Interval
from app.analysis.what_if import answer
from app.studio import what_if_charts, what_if_notes, what_if_view
from app.studio.what_if_view import Side
from tests.app.analysis.curves import curve, point

SCENARIO = Scenario(daily_shape="flat", most_ttft=400.0, usd_per_hour=2.0, requests_per_day=600_000.0)
FAST = curve([(1, 50), (4, 100), (8, 400)], key="2", title="2 · Prefix caching · sweep of 3 loads", experiment_id=2)


def sides(scenario: Scenario = SCENARIO, api: ApiPrice | None = None) -> list[Side]:
    found = []
    for role, each in zip(what_if_view.ROLES, (curve(title="1 · Baseline · sweep of 3 loads"), FAST), strict=True):
        answered = answer(scenario, each)
        priced = None if api is None else break_even(scenario, answered, api)
        found.append(Side(role, each, answered, api=priced, scenario=scenario))
    return found


REFUSED = Side("Baseline", curve(), None, "it is too far")


def test_the_headline_says_what_the_candidate_saves() -> None:
    assert what_if_view.headline(sides()) == "$1,460 a month with Prefix caching, 67% less than $4,380 with Baseline"
    assert what_if_view.headline(sides()[:1]) == "$4,380 a month with Baseline"
    free = sides(replace(SCENARIO, usd_per_hour=None))
    assert what_if_view.headline(free).startswith("730 hours of hardware a month with Prefix caching")
    assert what_if_view.headline([REFUSED]) == "What was measured does not answer this"


def test_a_headline_over_different_machines_says_so() -> None:
    before, after = sides()
    elsewhere = replace(after, curve=replace(FAST, machine="another"))
    assert what_if_view.headline([before, elsewhere]).endswith("; not comparable, as the machines differ")


def test_prices_are_given_or_measured_and_never_mixed_with_none() -> None:
    cheap, dear = (replace(FAST, machine=name, price_per_hour=price) for name, price in (("a", 0.5), ("b", 4.0)))
    unpriced = replace(FAST, machine="a")
    assert what_if_view.prices_of(SCENARIO, [cheap, dear]) == [2.0, 2.0]
    free = replace(SCENARIO, usd_per_hour=None)
    assert what_if_view.prices_of(free, [cheap, dear]) == [0.5, 4.0]
    assert what_if_view.prices_of(free, [unpriced, cheap]) == [0.5, 0.5]
    assert what_if_view.prices_of(free, [unpriced, dear]) == [None, None]
    assert what_if_view.price_words([0.5, 4.0]) == "$0.50/h and $4.00/h"
    assert what_if_view.price_words([None]) == ""


@pytest.mark.parametrize(
    ("after", "before", "words"),
    [(60, 100, "40% less than"), (150, 100, "50% more than"), (100, 100.1, "the same as"), (5, 0, "the same as")],
)
def test_a_difference_in_words(after: float, before: float, words: str) -> None:
    assert what_if_view.relative(after, before) == words


@pytest.mark.parametrize(
    ("usd", "words"),
    [(None, MISSING), (1234.5, "$1,234"), (0, "$0"), (12.345, "$12.35"), (0.01234, "$0.0123"), (inf, "no bound")],
)
def test_money(usd: float | None, words: str) -> None:
    assert what_if_view.money(usd) == words


def test_the_cards_are_the_candidates_with_their_change() -> None:
    found = {card.title: (card.value, card.change) for card in what_if_view.cards(sides())}
    assert found["Cost a month"] == ("$1,460", "-67%")
    assert found["Replicas at the peak"] == ("1", "-2")
    assert found["Utilisation"] == ("87%", "+10 points")
    assert what_if_view.cards([REFUSED]) == []
    assert what_if_view.cards(sides()[:1])[0].change is None


def test_a_side_that_is_not_answered_has_dashes() -> None:
    rows = what_if_view.rows([REFUSED, sides()[1]], SCENARIO)
    assert {row["Baseline"] for row in rows} == {MISSING}
    assert next(row for row in rows if row["Figure"] == "Highest load of a replica")["Candidate"] == (
        "at least 8 requests/s"
    )


def test_the_range_in_words() -> None:
    (side, _) = sides()
    assert side.answer is not None
    assert what_if_view.range_text(side.answer).startswith("One repeat of each load")
    unsure = LoadCurve("1", "x", (point(1, 1, 90), replace(point(2, 1, 100), offered=1)), True)
    wide = answer(replace(SCENARIO, most_ttft=96.0), unsure)
    assert "even the lightest measured load may be over the limits" in what_if_view.range_text(wide)
    sure = answer(SCENARIO, unsure)
    assert what_if_view.range_text(sure).endswith("at both ends of the highest load's 95 % interval.")
    span = Interval(10.0, 20.0)
    assert (
        what_if_view.range_text(replace(sure, range=span))
        == "$10.00 to $20.00, by the 95 % interval of the highest load."
    )


def test_a_limit_to_begin_with_is_kept_by_the_lightest_loads() -> None:
    assert what_if_view.default_limit([curve(), FAST]) == 100
    assert what_if_view.default_limit([curve([(1, 101)])]) == 200
    assert what_if_view.default_limit([curve([(1, 5001)])]) == 10_000
    assert what_if_view.default_limit([]) is None


def test_break_even_in_words() -> None:
    said = what_if_notes.break_even_sentences(sides(api=ApiPrice("m", "s", 1.0, None, 10.0)), "m")
    assert said[0] == "The same tokens at m cost $36,500 a month, $2.00 for 1,000 requests."
    assert "Baseline costs no more from 24,000 requests a day" in said[1]
    assert len(said) == 3
    never = what_if_notes.break_even_sentences(sides(api=ApiPrice("m", "s", 0.01, None, 0.0)), "m")
    assert "does not get there at any volume" in never[1]
    assert what_if_notes.break_even_sentences(sides(), "m") == []


def test_what_to_doubt_is_named_once() -> None:
    few = curve([(1, 100), (2, 200)], title="3 · Baseline · sweep of 2 loads", machine="other")
    few = replace(few, runs=tuple(replace(run, requests=32, suspect=("x",)) for run in few.runs))
    noted = what_if_notes.cautions([Side("Baseline", few, answer(SCENARIO, few)), sides()[1]], SCENARIO)
    assert noted[0].startswith("Not comparable: the machines differ")
    assert "Baseline: a p95 of 32 requests rests on few; measure 100 or more a run" in noted
    assert "Baseline: 2 of 2 runs are suspect" in noted
    both = what_if_notes.cautions([Side(role, few, answer(SCENARIO, few)) for role in what_if_view.ROLES], SCENARIO)
    assert "Both: 2 of 2 runs are suspect" in both


@pytest.mark.parametrize(("before", "after", "said"), [(98.4, 9.4, True), (98.4, 97.9, False), (None, 9.4, False)])
def test_a_saving_that_costs_answers_is_told_first(before: float | None, after: float, said: bool) -> None:
    shown = [
        replace(side, curve=replace(side.curve, runs=tuple(replace(run, quality=right) for run in side.curve.runs)))
        for side, right in zip(sides(), (before, after), strict=True)
    ]
    noted = what_if_notes.cautions(shown, SCENARIO)
    words = "The candidate gave 9 % of the expected answers, the baseline 98 %: what it saves is paid for in answers"
    assert (noted[:1] == [words]) is said
    right = {row["Fact"]: row for row in what_if_notes.basis_rows(shown)}["Expected answers"]
    assert right["Candidate"] == f"{after:.1f} %"


def test_each_figure_holds_each_side_and_its_words() -> None:
    shown = sides(api=ApiPrice("m", "s", 1.0, None, 10.0))
    day = what_if_charts.day_chart(shown)
    assert [trace.name for trace in day.data] == ["Traffic (requests/s)", "Baseline: replicas", "Candidate: replicas"]
    assert list(day.data[1].y) == [3] * 25
    assert what_if_charts.day_words(shown) == (
        "Replicas through the day: Baseline from 3 to 3 replicas; Candidate from 1 to 1 replicas."
    )
    lines = what_if_charts.curve_chart([*shown[:1], REFUSED], SCENARIO)
    assert list(lines.data[0].y) == pytest.approx([100, 200, 600])
    assert "4 requests/s 600 ms" in what_if_charts.curve_words(shown, SCENARIO)
    volume = what_if_charts.volume_chart(shown, SCENARIO, "m")
    assert [trace.name for trace in volume.data] == ["Baseline: own replicas", "Candidate: own replicas", "m"]
    assert min(volume.data[0].x) <= 24_000 / 3 * 1.01
    assert "Baseline $4,380" in what_if_charts.volume_words(shown)


def test_the_tornado_stands_signs_at_its_bars() -> None:
    (side, _) = sides()
    assert side.answer is not None
    effects = sensitivity(SCENARIO, side.answer, side.curve)
    less, more = what_if_charts.tornado(effects).data
    assert (less.name, more.name) == ("20 % less", "20 % more")
    at = [effect.name for effect in effects].index("usd_per_hour")
    assert (less.text[at], more.text[at]) == ("less -20 %", "more +20 %")
    gap = [effect.name for effect in effects].index("most_load")
    assert (more.x[gap], more.text[gap]) == (None, "")
