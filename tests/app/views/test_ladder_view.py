"""What the Ladder page says of ladders that went well, badly or nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.analysis.ladder import Ladder, RungRuns, build_ladder
from app.analysis.statistics import Interval
from app.analysis.summary import Observed, summarise
from app.views import charts
from app.views.evidence_view import (
    cautions,
    configuration,
    evidence_rows,
    launch_command,
    merged,
    noise_sentence,
)
from app.views.ladder_view import basis, cards, cheapest, cost_rows, detail_rows, headline, rung_sentences
from app.views.waterfall import waterfall
from optimizers.recipe import Recipe
from tests.building import record, rung

OBSERVED = {"vllm:prefix_cache_queries_total": 100.0, "vllm:prefix_cache_hits_total": 90.0}


def runs_of(
    number: int,
    techniques: Sequence[str],
    ttft_ms: float | None,
    *,
    hardware: str = "machine",
    prompts: int = 30,
    right: int | None = None,
) -> RungRuns:
    """A rung of two repeats sent one by one, or one that has not run yet. With `right`, answers are expected and so
    many are right."""
    expected = {} if right is None else dict.fromkeys(range(prompts), "answer")
    recipe = Recipe.of([(key, {}) for key in techniques])
    repeats = []
    for _ in range(0 if ttft_ms is None else 2):
        each = (ttft_ms or 0) + 100
        repeats.append(
            [
                record(
                    at,
                    due_ms=at * each * (1 + 0.01 * (at % 3)),
                    ttft_ms=ttft_ms or 0,
                    client_prompt_tokens=50,
                    text="answer" if right is None or at < right else "wrong",
                )
                for at in range(prompts)
            ]
        )
    summaries: list[Mapping[str, Any] | None] = [
        summarise([(0, r) for r in records], Observed(OBSERVED), recipe, expected) for records in repeats
    ]
    return RungRuns(
        rung=number,
        label="Baseline" if not techniques else f"+ {techniques[-1]}",
        recipe=recipe,
        run_ids=(2 * number, 2 * number + 1),
        statuses=("done", "done") if repeats else ("queued", "queued"),
        summaries=tuple(summaries) if repeats else (None, None),
        data=replace(rung(*repeats, hardware=hardware), expected=expected),
        schedule="one by one" if repeats else "",
    )


def ladder(*figures: float | None, hardware: str = "machine", right: Sequence[int] = ()) -> Ladder:
    """TTFT of the baseline, of its repetition, and of each technique added; how many answers are right on each."""
    added: list[list[str]] = [[], [], ["prefix_caching"], ["prefix_caching", "speculative_decoding"]]
    return build_ladder(
        [
            runs_of(
                number,
                added[number],
                ttft,
                hardware=hardware if number > 1 else "machine",
                right=right[number] if right else None,
            )
            for number, ttft in enumerate(figures)
        ]
    )


def test_a_saving_is_said_with_its_interval() -> None:
    said = headline(ladder(900, 900, 100))
    assert said.startswith("With prefix caching, an answered request costs 0.20x the baseline's (95 % interval 0.2")
    assert said.endswith(": 80% less.")


def test_a_loss_is_said_as_plainly() -> None:
    assert headline(ladder(100, 100, 900)).endswith(": 400% more.")


def test_no_clear_change_is_called_so() -> None:
    assert headline(ladder(900, 900, 890)).endswith(": no clear change.")


def test_different_hardware_is_not_compared() -> None:
    found = ladder(900, 900, 100, hardware="another")
    assert headline(found) == "There is nothing to hold against the baseline."
    assert cost_rows(found)[2]["Step's verdict"] == "not comparable"


def test_nothing_measured_and_a_single_recipe() -> None:
    assert headline(ladder(None, None)) == "No rung has been measured yet."
    assert headline(ladder(900)) == "One recipe was measured, with none to compare it with."
    assert cards(ladder(None)) == []


def test_a_rung_that_did_not_pay_is_named() -> None:
    assert cheapest(ladder(900, 900, 100, 300)) == (
        "The cheapest rung is “+ prefix_caching” at 0.20x; the last one did not pay."
    )
    assert cheapest(ladder(900, 900, 300, 100)) is None


def test_cards_know_which_way_is_better() -> None:
    cost, ttft, tpot, throughput = cards(ladder(900, 900, 100))
    assert (cost.value, cost.change, cost.good, cost.lower_is_better) == ("0.20x", "-80%", True, True)
    assert (ttft.value, ttft.good) == ("100 ms", True)
    assert (tpot.good, tpot.change) == (None, "+0%")
    assert (throughput.change, throughput.good, throughput.lower_is_better) == ("+400%", True, False)


def test_what_is_not_measured_is_an_en_dash() -> None:
    found = ladder(900, 900, None)
    assert set(cost_rows(found)[2].values()) == {"+ prefix_caching", "–", "0.69x", "queued"}
    assert set(detail_rows(found)[2].values()) == {"+ prefix_caching", "–"}
    assert detail_rows(found)[0]["Expected answers (%)"] == "–"
    assert detail_rows(found)[0]["Same output (%)"] == "–"
    assert detail_rows(found)[1]["Same output (%)"] == "100.0"


def test_evidence_is_told_once_for_each_technique_with_what_changed_later() -> None:
    found = ladder(900, 900, 100, 100)
    prefix, speculative = evidence_rows(found)
    assert (prefix.technique, prefix.sign.word, prefix.later) == ("Prefix caching", "took effect", ())
    assert "90 of 100 prompt tokens" in prefix.detail
    assert prefix.claim == "30-50 % cheaper alone"
    assert speculative.sign.word == "no effect"


def test_noise_and_small_samples_are_pointed_out() -> None:
    found = ladder(900, 910, 100)
    noise = noise_sentence(found)
    assert noise is not None
    assert "differs by 1.0% in cost" in noise
    assert cautions(found) == [
        "2 repeats, fewer than 3: how much runs differ by themselves is hardly known.",
        "A p95 rests on the 2 slowest of 30 requests in each repeat: below 100 it is rough.",
    ]
    assert noise_sentence(ladder(900)) is None


def test_the_same_doubt_about_many_runs_is_said_once() -> None:
    found = ladder(900, 900, 100)
    lagging = [f"the client's event loop lagged (p99 {ms} ms)" for ms in (94, 71, 1200)]
    rungs = [replace(rung, suspect=(reason,)) for rung, reason in zip(found.rungs, lagging, strict=True)]
    assert cautions(replace(found, rungs=tuple(rungs)))[0] == (
        "Every rung: the client's event loop lagged (p99 71 to 1,200 ms)."
    )
    some = (replace(rungs[0], suspect=(*lagging[:2], "it was interrupted")), *found.rungs[1:])
    assert cautions(replace(found, rungs=some))[:2] == [
        "Baseline: the client's event loop lagged (p99 71 to 94 ms).",
        "Baseline: it was interrupted.",
    ]


def test_figures_that_agree_stay_as_they_are() -> None:
    assert merged(["2 of 48 failed", "4 of 48 failed"]) == "2 to 4 of 48 failed"
    assert merged(["half of 1,000"]) == "half of 1,000"


def test_the_basis_and_the_configuration_do_with_little() -> None:
    assert basis({}, 1) == "Measured on –, – (0 prompts), –, 1 repeat of each rung."
    assert dict(configuration({}))["Hardware"] == "–"
    assert launch_command({"engine": {"attached_to": "http://127.0.0.1:8000"}}) == "attached to http://127.0.0.1:8000"
    assert launch_command({"engine": {"argv": ["--model", "/a/b"]}}) == "--model b"


def colored(found: Ladder) -> list[Any]:
    """The waterfall's bars but those of what was saved."""
    return [trace for trace in waterfall(found).data if trace.type == "bar" and trace.base is None]


def test_a_rung_keeps_its_accent_in_every_figure() -> None:
    found = ladder(900, 900, 300, 100)
    bars = [color for trace in charts.cost_bars(found).data for color in trace.marker.color]
    steps = [pair for trace in colored(found) for pair in zip(trace.x, trace.marker.color, strict=True)]
    assert bars == [color for _, color in sorted(steps)] == [charts.accent(number) for number in range(4)]
    assert len({charts.accent(number) for number in range(9)}) == 9


def test_a_label_of_strangers_is_drawn_letter_by_letter() -> None:
    found = ladder(900, 900, 300)
    hostile = replace(found, rungs=(found.rungs[0], replace(found.rungs[2], label="<a href='http://evil'>x</a> %{x}")))
    for figure in (waterfall(hostile), charts.cost_bars(hostile)):
        assert "<a href" not in figure.to_json()
        assert "%{x}" not in figure.to_json()


def test_sides_of_one_experiment_keep_the_colours_of_its_rungs() -> None:
    assert charts.accents_of(["3.0", "3.4", "3.2"]) == [charts.accent(number) for number in (0, 4, 2)]
    assert charts.accents_of(["3.0", "4.4", "17"]) == [charts.accent(number) for number in (0, 2, 3)]


def test_a_figure_is_described_in_words() -> None:
    assert charts.description(ladder(900, 900, 100)) == (
        "Relative cost by rung, lower is better: Baseline 1.00x; Baseline 1.00x; + prefix_caching 0.20x."
    )


class TestAnswers:
    def test_a_rung_that_spoils_the_answers_does_not_lead(self) -> None:
        found = ladder(900, 900, 300, 100, right=(29, 29, 29, 3))
        assert headline(found).startswith("With")
        assert "costs 0.40x the baseline's" in headline(found)
        assert headline(found).endswith("and its answers are not clearly worse.")
        said = cheapest(found)
        assert said is not None
        assert said.endswith("makes it 0.20x, and 86.7 points fewer of the answers are right.")
        assert "Climbing on to" in said
        shown = {card.title: card for card in cards(found)}
        assert (shown["Relative cost"].value, shown["Expected answers"].value) == ("0.40x", "96.7 %")
        assert (shown["Expected answers"].change, shown["Expected answers"].good) == ("+0.0 points", None)

    def test_quality_stands_beside_cost(self) -> None:
        baseline, _, prefix = cost_rows(ladder(900, 900, 100, right=(29, 29, 12)))
        assert (baseline["Quality (%)"], baseline["Quality's 95 %"]) == ("96.7", "83.3-99.4")
        assert baseline["Points from the baseline"] == "–"
        assert prefix["Quality (%)"] == "40.0"
        assert prefix["Points from the baseline"].startswith("-56.7 (-")
        assert prefix["Step's verdict"] == "better on cost, worse on answers"

    def test_each_step_is_a_sentence(self) -> None:
        said = rung_sentences(ladder(900, 900, 100, right=(29, 29, 12)))
        assert said[0] == "Baseline: answers: 96.7 % right."
        assert said[1].startswith(
            "Baseline: costs 1.00x the baseline (1.00x to 1.00x): no clear change; answers: 96.7 % right, as many"
        )
        assert said[2].startswith("+ prefix_caching: costs 0.20x the rung before (0.")
        assert "): better on cost, worse on answers;" in said[2]
        assert len(rung_sentences(ladder(900, 900, None))) == 1

    def test_a_saving_is_not_told_without_what_it_cost(self) -> None:
        said = headline(ladder(900, 900, 100, right=(29, 29, 12)))
        assert said.endswith(": 80% less, and 56.7 points fewer of the answers are right.")
        assert headline(ladder(900, 900, 100, right=(29, 29, 28))).endswith(": 80% less.")

    def test_every_bar_has_its_quality_under_it(self) -> None:
        found = ladder(900, 900, 100, right=(29, 29, 12))
        assert list(waterfall(found).layout.xaxis.ticktext) == [
            "Baseline<br>96.7 % right",
            "Baseline<br>96.7 % right",
            "+\N{NO-BREAK SPACE}prefix_caching<br>40.0 % right,<br>worse",
        ]
        assert "+ prefix_caching 0.20x, 40.0 % right, worse" in charts.description(found)
        assert charts.cost_bars(found).data[0].text[2] == "<b>0.20x</b>  better on cost,<br>worse on answers"
        told = [text for trace in colored(found) for text in trace.hovertemplate]
        assert any("answers: 40.0 % right, 56.7 points fewer" in text for text in told)


def test_the_shaded_part_of_a_step_is_what_it_saved() -> None:
    figure = waterfall(ladder(900, 900, 300, 100))
    (shaded,) = (trace for trace in figure.data if trace.type == "bar" and trace.marker.color == charts.SHADE)
    assert [round(height, 2) for height in shaded.y] == [0.6, 0.2]
    assert [round(foot, 2) for foot in shaded.base] == [0.4, 0.2]


def test_a_rung_without_an_interval_has_no_error_bar() -> None:
    found = ladder(900, 900, 300)
    sure, unsure = (
        replace(found.rungs[0], cost_interval=Interval(0.9, 1.2)),
        replace(found.rungs[2], cost_interval=None),
    )
    with_bars, without = colored(replace(found, rungs=(sure, unsure)))
    assert [round(up, 2) for up in with_bars.error_y.array] == [0.2]
    assert without.error_y.array is None
