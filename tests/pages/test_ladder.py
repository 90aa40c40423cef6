"""Ladder: figures, evidence and doubts of an experiment in each state."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.experiment.queue import enqueue
from app.experiment.spec import ExperimentSpec, Rung
from app.prompts.saved import find_prompts
from app.replay.load import LoadProfile
from app.studio import cost_view
from optimizers.recipe import Recipe
from store.store import Store
from tests.pages import factory
from tests.pages.conftest import Open, unfolded, words


def figure(at: AppTest) -> dict[str, Any]:
    return dict(json.loads(at.get("plotly_chart")[0].proto.spec))


def test_without_experiments_the_page_points_home(open_page: Open) -> None:
    at = open_page("ladder")
    assert "Nothing has been measured yet" in words(at)
    assert not at.dataframe


def test_a_finished_ladder_has_figures_evidence_and_doubts(open_page: Open, store: Store) -> None:
    factory.finished(store, prompts=24)
    at = open_page("ladder")
    said = words(at)
    assert (
        "Measured on starter, support-desk (24 prompts), Example CPU, 2 cores, 8 GiB, 2 repeats of each rung." in said
    )
    cost, detail, evidence = at.dataframe[0].value, at.dataframe[1].value, at.table[0].value
    assert list(cost["Rung"]) == [
        "Baseline", "Baseline again", "+ Prefix caching", "+ Continuous batching", "+ Speculative decoding",
    ]  # fmt: skip
    assert cost["Relative cost"][0] == "1.00x"
    assert cost["Article's step"][2] == "0.69x"
    assert list(cost["Step's verdict"])[:3] == ["baseline", "no clear change", "better"]
    assert cost["Step"][1] == "–"
    assert list(cost["In flight"]) == ["one by one"] * 3 + ["4 in flight"] * 2
    assert "–" not in set(detail["TTFT p50 (ms)"])
    assert all("took effect" in text for text in evidence["Took effect"])
    assert "Noise floor: the baseline measured twice differs by" in said
    assert "A p95 rests on the slowest of 24 requests in each repeat" in said
    assert [metric.label for metric in at.metric] == [
        "Relative cost", "Expected answers", "TTFT p50", "TPOT p50", "Throughput",
    ]  # fmt: skip


def test_quality_is_shown_beside_cost_and_in_words(open_page: Open, store: Store) -> None:
    factory.finished(store, prompts=24)
    at = open_page("ladder")
    said, cost, detail = words(at), at.dataframe[0].value, at.dataframe[1].value
    assert list(cost["Quality (%)"]) == ["33.3"] * 5
    assert list(cost["Quality's 95 %"]) == ["18.0-53.3"] * 5
    assert list(cost["Points from the baseline"]) == ["–"] + ["+0.0 (-7.5 to +7.5)"] * 4
    assert list(detail["Same output (%)"]) == list(detail["Similarity (%)"]) == ["–"] + ["100.0"] * 4
    assert list(detail["Refusals"]) == ["16"] * 5
    assert "- Baseline: answers: 33.3 % right." in said
    assert "better; answers: 33.3 % right, as many as before (-7.5 to +7.5): no clear change." in said
    assert "The baseline gives only 33.3 % of the expected answers" in said
    evidence = dict(zip(at.table[0].value["Technique"], at.table[0].value["Evidence"], strict=True))
    assert "100\\.0 \\% of answers identical to the rung before" in evidence["Speculative decoding"]
    assert figure(at)["layout"]["xaxis"]["ticktext"][0] == "Baseline<br>33.3 % right"


def test_the_chart_holds_every_rung_and_the_articles_figures(open_page: Open, store: Store) -> None:
    factory.finished(store)
    found = figure(open_page("ladder"))
    article = [trace for trace in found["data"] if trace.get("name") == "Article's cumulative figure"]
    assert article[0]["y"] == [0.38, 0.3]
    (costs,) = (trace["text"] for trace in found["data"] if trace.get("mode") == "markers+text" and "name" not in trace)
    assert (len(costs), costs[0]) == (5, "<b>1.00x</b>")
    assert found["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"


def test_what_lies_folded_is_drawn_once_it_is_unfolded(open_page: Open, store: Store) -> None:
    factory.finished(store)
    at = open_page("ladder")
    assert (len(at.dataframe), len(at.code)) == (2, 0)
    opened = unfolded(at, "cost_box")
    assert len(opened.dataframe) == 3
    assert cost_view.FORMULAS.splitlines()[0] in "\n".join(each.value for each in opened.markdown)


def test_the_configuration_names_no_folder(open_page: Open, store: Store) -> None:
    factory.finished(store)
    at = unfolded(open_page("ladder"), "configuration_box")
    assert at.code[0].value == "--model starter --served-model-name starter --enforce-eager"
    assert "/home/" not in words(at) + at.table[1].value.to_string()


def test_a_price_gives_dollars_beside_the_cost(open_page: Open, store: Store) -> None:
    factory.finished(store)
    assert not [name for name in open_page("ladder").dataframe[0].value if "$" in name]
    number = factory.finished(store, price_per_hour=2.0)
    at = open_page("ladder", experiment=str(number))
    cost = at.dataframe[0].value
    dollars = cost["Cost per 1,000 requests ($)"].astype(float)
    assert dollars[2] / dollars[0] == pytest.approx(float(cost["Relative cost"][2].rstrip("x")), rel=0.03)
    assert (cost["Cost per 1M tokens ($)"].astype(float) > 0).all()
    card = next(card for card in at.metric if card.label == "Cost per 1,000 requests")
    assert card.value == f"${dollars.iloc[-1]:,.4f}"


def test_a_technique_without_effect_is_called_so(open_page: Open, store: Store) -> None:
    factory.finished(store, accepted=0)
    at = open_page("ladder")
    effects = dict(zip(at.table[0].value["Technique"], at.table[0].value["Took effect"], strict=True))
    assert effects["Speculative decoding"].endswith("no effect")


def test_without_engine_metrics_nothing_is_claimed(open_page: Open, store: Store) -> None:
    factory.finished(store, delta=False)
    effects = set(open_page("ladder").table[0].value["Took effect"])
    assert {text.rpartition("] ")[2] for text in effects} == {"not observable"}


def test_failed_requests_are_told(open_page: Open, store: Store) -> None:
    factory.finished(store, failures=2)
    at = open_page("ladder")
    assert at.dataframe[0].value["Errors"][0] == "4 of 24"
    assert "Every rung: 2 of 12 requests failed." in words(at)


def test_an_experiment_in_its_middle_shows_what_there_is(open_page: Open, store: Store) -> None:
    factory.running(store)
    at = open_page("ladder")
    cost = at.dataframe[0].value
    assert list(cost["Step's verdict"]) == ["baseline", "running", "queued", "queued", "queued"]
    assert list(cost["Relative cost"])[2:] == ["–"] * 3
    assert at.get("progress")[0].proto.text.startswith("42 of 120 requests")


def test_a_queued_experiment_has_no_figures(open_page: Open, store: Store) -> None:
    factory.queued(store)
    at = open_page("ladder")
    assert set(at.dataframe[0].value["Relative cost"]) == {"–"}
    assert not at.get("plotly_chart")
    assert "No rung has been measured yet." in words(at)


def test_a_stopped_experiment_offers_to_go_on(open_page: Open, store: Store) -> None:
    experiment = factory.stopped(store, "cancelled", None)
    at = open_page("ladder")
    assert "It was stopped before its end." in words(at)
    at.button(key=f"resume_{experiment}").click().run()
    assert store.experiments.get(experiment).status == "queued"


def test_the_link_decides_which_experiment_is_shown(open_page: Open, store: Store) -> None:
    first = factory.finished(store)
    factory.queued(store)
    at = open_page("ladder", experiment=str(first))
    assert at.selectbox[0].value == str(first)
    assert at.get("plotly_chart")


def test_choosing_an_experiment_changes_the_link(open_page: Open, store: Store) -> None:
    first = factory.finished(store)
    factory.queued(store)
    at = open_page("ladder")
    assert at.selectbox[0].value == "2"
    at.selectbox[0].select(str(first)).run()
    assert at.query_params["experiment"] == str(first)
    assert at.get("plotly_chart")


def test_a_link_to_nothing_shows_the_latest(open_page: Open, store: Store) -> None:
    factory.queued(store)
    assert open_page("ladder", experiment="99").selectbox[0].value == "1"


def test_the_latest_ladder_comes_before_a_later_run(open_page: Open, store: Store) -> None:
    ladder = factory.queued(store)
    spec = ExperimentSpec.from_json(store.experiments.get(ladder).spec)
    enqueue(store, replace(spec, kind="run", rungs=spec.rungs[:1]), "Run: Baseline on support-desk")
    assert open_page("ladder").selectbox[0].value == str(ladder)


class TestKinds:
    def titles(self, at: AppTest) -> list[str]:
        return [header.value for header in at.header]

    def test_each_technique_alone(self, open_page: Open, store: Store) -> None:
        factory.finished(store, kind="one_at_a_time")
        at = open_page("ladder")
        assert "Each technique alone" in self.titles(at)
        assert "Alone, prefix caching saves most: 0." in words(at)
        bars = [trace for trace in figure(at)["data"] if trace["type"] == "bar"]
        assert [bar["y"][0] for bar in bars] == ["Prefix caching", "Continuous batching", "Speculative decoding"]
        assert all("error_x" in bar for bar in bars)
        cost = at.dataframe[0].value
        assert "Step" not in cost
        assert list(cost["Verdict"])[:3] == ["baseline", "no clear change", "better"]
        assert "- Prefix caching: costs 0." in words(at)

    def test_everything_without_each(self, open_page: Open, store: Store) -> None:
        factory.finished(store, kind="leave_one_out")
        at = open_page("ladder")
        assert "Everything without each technique" in self.titles(at)
        assert "Most is missed without prefix caching: everything then costs" in words(at)
        cost = at.dataframe[0].value
        assert list(cost["Against everything"])[:3] == ["–"] * 3
        assert cost["Against everything"][3].endswith("x")
        assert "“Everything”, and its change from the baseline." in words(at)

    def test_every_combination(self, open_page: Open, store: Store) -> None:
        factory.finished(store, kind="factorial")
        at = open_page("ladder")
        titles = self.titles(at)
        assert titles.index("Whose saving it is") < titles.index("What two techniques do to each other")
        said = words(at)
        assert "Of the saving of everything together (0." in said
        assert "Prefix caching and continuous batching cost " in said
        # Shares, each alone, each left out; and the running batch over time.
        assert len(at.get("plotly_chart")) == 3
        assert len(unfolded(at, "batch_box").get("plotly_chart")) == 4
        pairs = at.table[0].value
        assert list(pairs["Pair"]) == [
            "Prefix caching and continuous batching",
            "Prefix caching and speculative decoding",
            "Continuous batching and speculative decoding",
        ]
        assert len(at.dataframe[0].value) == 9
        assert "The cheapest of 8 recipes is “" in said or "With prefix caching" in said

    def test_an_experiment_of_any_kind_comes_first(self, open_page: Open, store: Store) -> None:
        factory.queued(store)
        later = factory.queued(store, "Full factorial: starter on support-desk", kind="factorial")
        assert open_page("ladder").selectbox[0].value == str(later)

    @pytest.mark.parametrize("kind", ["one_at_a_time", "leave_one_out", "factorial"])
    def test_one_that_has_not_run_has_no_figures(self, open_page: Open, store: Store, kind: str) -> None:
        factory.queued(store, kind=kind)
        at = open_page("ladder")
        assert not at.get("plotly_chart")
        assert set(at.dataframe[0].value["Relative cost"]) == {"–"}


def test_a_load_sweep_is_shown_by_load_and_not_as_rungs(open_page: Open, store: Store) -> None:
    loads = [LoadProfile("closed_loop", width) for width in (1, 2, 4)]
    rungs = tuple(Rung(f"{load.concurrency} in flight", Recipe(), load) for load in loads)
    spec = ExperimentSpec(
        "sweep",
        find_prompts(store, "support-desk").id,
        rungs,
        model="starter",
        prompt_limit=12,
        load=loads[0],
        repeats=1,
    )
    number = enqueue(store, spec, "Load sweep: Baseline, starter on support-desk")
    store.experiments.claim(number)
    for run in store.runs.of_experiment(number):
        factory.measure(store, run)
    store.experiments.finish(number, "done", {"total": 10.0})
    at = open_page("ladder", experiment=str(number))
    assert "an answered request costs" not in words(at)
    table = at.dataframe[0].value
    assert list(table["Offered (in flight)"]) == ["1", "2", "4"]
    assert list(table["Within limits"]) == ["–"] * 3
    at.number_input(key="slo_ttft_ms").set_value(60_000.0).run()
    assert list(at.dataframe[0].value["Within limits"]) == ["100.0%"] * 3
    assert "The highest load is 4 in flight," in words(at)


def test_a_link_reaches_beyond_the_list(open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    old, newer = factory.finished(store), factory.finished(store)
    listed = store.experiments.recent(1)
    monkeypatch.setattr(type(store.experiments), "recent", lambda *_: listed)
    at = open_page("ladder", experiment=str(old))
    assert at.selectbox(key="chosen_experiment").value == str(old)
    assert "The link names" not in words(at)
    at = open_page("ladder", experiment="98765")
    assert at.selectbox(key="chosen_experiment").value == str(newer)
    assert "The link names experiment 98765, which is not here; another is shown." in words(at)


def test_an_experiment_is_removed_after_it_was_asked_for_twice(open_page: Open, store: Store) -> None:
    first, second = factory.finished(store), factory.finished(store)
    at = open_page("ladder", experiment=str(first))
    assert f"Experiment {first} goes with all its runs and their requests, for good." in words(at)
    at.button(key=f"remove_{first}_for_good").click().run()
    assert not at.exception
    assert store.experiments.find(first) is None
    assert "which is not here" not in words(at)
    assert at.selectbox[0].value == str(second)


def test_what_runs_cannot_be_removed(open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    running = factory.running(store)
    assert f"remove_{running}_for_good" not in {button.key for button in open_page("ladder").button}
    monkeypatch.setenv("RUNG_READ_ONLY", "1")
    done = factory.finished(store)
    at = open_page("ladder", experiment=str(done))
    assert f"remove_{done}_for_good" not in {button.key for button in at.button}
