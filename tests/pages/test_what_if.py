"""What-if: every state of the page, its link there and back, saved scenarios, and what viewers may do."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from app.analysis.scenario import NAMES
from app.studio.dial import OPEN
from store.store import Store
from store.tables import ExperimentRow
from tests.pages import factory
from tests.pages.conftest import Open, label_of, unfolded, words
from tests.pages.sweeps import swept

TABS = ("Figures", "Day", "Load curve", "Volume", "What matters", "Rests on")


def query_of(at: AppTest) -> dict[str, str]:
    return {name: value[0] if isinstance(value := at.query_params[name], list) else value for name in NAMES}


def cells(at: AppTest, column: str) -> list[str]:
    """Of the first table, Markdown's escapes taken out."""
    return [text.replace("\\", "") for text in at.table[0].value[column]]


def on_tab(at: AppTest, name: str) -> AppTest:
    at.session_state["what_if_tab"] = name
    at.run()
    assert not at.exception, at.exception[0].value
    return at


def test_with_nothing_measured_the_page_says_what_to_run(open_page: Open) -> None:
    at = open_page("what_if")
    assert "Nothing has been measured yet" in words(at)
    assert "python -m app sweep" in at.code[0].value
    assert not at.metric


def test_two_sweeps_give_an_answer_at_once(open_page: Open, store: Store) -> None:
    plain, cached = swept(store, price_per_hour=2.0), swept(store, ["prefix_caching"], {1: 60, 2: 70, 4: 90, 8: 180})
    at = open_page("what_if")
    said = words(at)
    # 120 ms at the lightest load of the baseline: the limit begins at 200.
    assert "TTFT p95 ≤ 200 ms; 100,000 requests a day" in said
    assert "a month with Prefix caching" in said
    assert "with Baseline" in said
    assert [metric.label for metric in at.metric] == [
        "Cost a month", "Replicas at the peak", "Utilisation", "Cost per 1M tokens",
    ]  # fmt: skip
    # 100,000 requests a day make 2.2 a second at the peak, which one replica answers.
    assert at.metric[0].value == "$1,460"
    assert at.metric[1].value == "1"
    query = query_of(at)
    assert (query["curve_from"], query["curve_to"]) == (str(plain), str(cached))
    assert (query["most_ttft"], query["usd_per_hour"], query["tokens_in"]) == ("200", "none", "none")
    assert "candidate: every measured load is within the limits" in said.lower()


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_is_drawn(open_page: Open, store: Store, tab: str) -> None:
    swept(store, price_per_hour=2.0)
    number = swept(store, ["prefix_caching"])
    at = on_tab(open_page("what_if", api_model="gpt-4o-mini", requests_per_day="5000000"), tab)
    said = words(at)
    if tab == "Figures":
        assert "Cost a month, follow the hours" in cells(at, "Figure")
    elif tab == "Volume":
        assert "The same tokens at gpt-4o-mini cost $" in said
    elif tab == "What matters":
        assert "matters most: 20 % less gives" in said
    elif tab == "Rests on":
        runs = ", ".join(str(run.id) for run in store.runs.of_experiment(number))
        assert runs in cells(at, "Candidate")
        assert "A month has 730 hours." in said
    if tab in ("Day", "Load curve", "Volume", "What matters"):
        assert len(at.get("plotly_chart")) == 1


def test_a_link_opens_the_same_scenario(open_page: Open, store: Store) -> None:
    swept(store), swept(store, ["prefix_caching"])
    first = open_page("what_if")
    first.number_input("what_if_requests_per_day").set_value(3_000_000.0)
    first.number_input("what_if_usd_per_hour").set_value(1.75)
    first.selectbox("what_if_daily_shape").set_value("evening")
    first.number_input("what_if_most_tpot").set_value(40.0)
    first.run()
    first.slider("what_if_prefix_share").set_value(60.0).run()
    assert not first.exception
    second = open_page("what_if", **query_of(first))
    assert query_of(second) == query_of(first)
    assert query_of(second)["prefix_share"] == "60"
    assert [(each.label, each.value, each.delta) for each in second.metric] == [
        (each.label, each.value, each.delta) for each in first.metric
    ]
    assert second.number_input("what_if_requests_per_day").value == 3_000_000
    assert second.selectbox("what_if_daily_shape").value == "evening"


def test_a_peak_to_mean_has_its_slider(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if", daily_shape="custom", peak_to_mean="4.5")
    assert at.slider("what_if_peak_to_mean").value == 4.5
    assert query_of(at)["peak_to_mean"] == "4.5"


def test_a_moved_slider_answers_in_the_same_go_and_is_in_the_address(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if", requests_per_day="3000000")
    before = at.metric[0].value
    at.slider("what_if_most_load").set_value(30.0).run()
    assert at.metric[0].value != before
    assert query_of(at)["most_load"] == "30"
    assert open_page("what_if", **query_of(at)).metric[0].value == at.metric[0].value


def test_a_slider_beside_a_field_moves_it_and_follows_it(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if", requests_per_day="123456")
    slider = at.select_slider("what_if_requests_per_day_slide")
    assert slider.value == 123_456
    assert "100,000" in slider.options
    slider.set_value(3_000_000.0).run()
    assert not at.exception
    assert at.number_input("what_if_requests_per_day").value == 3_000_000
    assert query_of(at)["requests_per_day"] == "3000000"
    at.number_input("what_if_requests_per_day").set_value(777.0).run()
    assert at.select_slider("what_if_requests_per_day_slide").value == 777


def test_a_typed_number_stays_though_a_round_one_is_near(open_page: Open, store: Store) -> None:
    """Streamlit tells the places of a slider by their words."""
    swept(store)
    at = open_page("what_if", usd_per_hour="0.998", most_tpot="1.5")
    for slider in (each for each in at.select_slider):
        assert len(set(slider.options)) == len(slider.options)
    at.select_slider("what_if_requests_per_day_slide").set_value(3_000_000.0).run()
    assert query_of(at)["usd_per_hour"] == "0.998"
    assert query_of(at)["most_tpot"] == "1.5"


def test_the_first_place_of_a_slider_leaves_its_field_empty(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if", tokens_in="60")
    limit = at.select_slider("what_if_most_ttft_slide")
    assert limit.options[0] == "none"
    limit.set_value(OPEN).run()
    assert query_of(at)["most_ttft"] == "none"
    assert "no limit on latency" in words(at)
    tokens = at.select_slider("what_if_tokens_in_slide")
    # Half to twice the 50 that were measured.
    assert (tokens.options[0], tokens.options[1], tokens.options[-1]) == ("measured", "25", "100")
    tokens.set_value(OPEN).run()
    assert at.number_input("what_if_tokens_in").value is None
    assert query_of(at)["tokens_in"] == "none"


def test_what_a_link_says_wrongly_is_named(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if", requests_per_day="lots", daily_shape="weekend", curve_from="99")
    said = words(at)
    assert "requests_per_day: 'lots' is not a number." in said
    assert "daily_shape: 'weekend' is none of" in said
    assert at.number_input("what_if_requests_per_day").value == 100_000
    assert at.metric


def test_without_a_price_there_are_hours_and_nothing_is_made_up(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if")
    assert at.metric[0].label == "Hardware a month"
    assert "$" not in "".join(str(metric.value) for metric in at.metric)
    assert "none is made up" in words(at)
    assert "Give the price of a replica's hardware" in words(on_tab(at, "Volume"))


def test_each_side_has_the_price_that_it_was_measured_with(open_page: Open, store: Store) -> None:
    swept(store, price_per_hour=0.5), swept(store, ["prefix_caching"], price_per_hour=4.0)
    at = open_page("what_if")
    said = words(at)
    assert "$2,920 a month with Prefix caching" in said
    assert "700% more than $365 with Baseline" in said
    assert "Priced as measured: $0.50/h and $4.00/h." in said
    assert "Each side is billed at the price that it was measured with, $0.50/h and $4.00/h" in said
    one = open_page("what_if", usd_per_hour="1")
    assert "$730 a month with Prefix caching, the same as $730 with Baseline" in words(one)
    assert "Each side is billed" not in words(one)


def test_a_machine_with_a_price_has_it_on_both_sides(open_page: Open, store: Store) -> None:
    swept(store, price_per_hour=2.0), swept(store, ["prefix_caching"])
    at = open_page("what_if")
    assert "the same as $1,460 with Baseline" in words(at)
    assert at.number_input("what_if_usd_per_hour").placeholder == "as measured: $2.00/h"


def test_what_is_too_far_from_the_measured_is_refused(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if", tokens_in="500")
    assert "Baseline, not answered: 500 prompt tokens a request are 10x the 50 measured" in words(at)
    assert not at.metric
    assert "Nothing is answered" in words(on_tab(at, "Day"))
    at = open_page("what_if", most_ttft="10")
    assert "even the lightest measured load" in words(at)
    assert len(on_tab(at, "Load curve").get("plotly_chart")) == 1


def test_sharing_a_prefix_is_set_only_between_two_runs(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if")
    assert [each.key for each in at.slider] == ["what_if_most_load"]
    assert "Traffic that shares a prefix: as measured; the recipe has no prefix caching" in words(at)
    swept(store, ["prefix_caching"], {1: 60, 2: 70, 4: 90, 8: 180})
    at = open_page("what_if", prefix_share="50")
    assert at.slider("what_if_prefix_share").value == 50
    assert "50% of the traffic takes the time of the run with prefix caching" in words(at)


def test_single_loads_answer_under_stricter_rules(open_page: Open, store: Store) -> None:
    number = factory.finished(store)
    at = open_page("what_if", usd_per_hour="1")
    said = words(at)
    assert "There is no load sweep of your own yet" in said
    assert "only one load was measured" in said
    assert "at most 70% of that load is planned" in said
    assert query_of(at)["curve_from"] == f"{number}.0"
    assert at.metric
    at = open_page("what_if", usd_per_hour="1", tokens_in="3000")
    assert "1.25x either way" in words(at)


def test_prompt_sets_that_differ_are_not_called_the_techniques_doing(open_page: Open, store: Store) -> None:
    swept(store, prompts=12), swept(store, ["prefix_caching"])
    said = words(open_page("what_if"))
    assert "Not comparable: the prompt sets differ" in said
    assert "with Baseline; not comparable, as the prompt sets differ" in said


def test_an_api_without_a_price_gets_one_line(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if", api_model="no-such-model", usd_per_hour="1")
    assert "no price is known for the model 'no-such-model'" in words(at)
    assert at.metric


def test_a_scenario_is_saved_loaded_and_deleted(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if", requests_per_day="777000")
    at.text_input("what_if_name").set_value("Black Friday").run()
    at.button("what_if_save").click().run()
    kept = store.saved.all("scenario")["Black Friday"]["inputs"]
    assert kept == query_of(at)
    other = open_page("what_if")
    assert query_of(other)["requests_per_day"] == "100000"
    other.button("what_if_load").click().run()
    assert query_of(other) == kept
    assert other.number_input("what_if_requests_per_day").value == 777_000
    other.button("what_if_delete").click().run()
    assert store.saved.all("scenario") == {}
    assert "None has been saved yet." in words(other)


def test_a_scenario_without_a_name_is_not_saved(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if")
    at.button("what_if_save").click().run()
    assert "a scenario's name has 1 to 80 printable characters" in words(at)
    assert store.saved.all("scenario") == {}


def test_a_broken_saved_scenario_does_not_break_the_page(open_page: Open, store: Store) -> None:
    swept(store)
    store.saved.keep("scenario", "odd", {"inputs": {"requests_per_day": "-1", "x": "y"}})
    at = open_page("what_if")
    at.button("what_if_load").click().run()
    assert not at.exception
    assert "requests_per_day: -1 is not from 1" in words(at)


def test_viewers_load_and_do_not_save(open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    swept(store)
    store.saved.keep("scenario", "shared", {"inputs": {"requests_per_day": "5000"}})
    monkeypatch.setenv("RUNG_READ_ONLY", "1")
    at = open_page("what_if")
    assert [button.label for button in at.button] == ["Load"]
    at.button[label_of(at, "Load")].click().run()
    assert query_of(at)["requests_per_day"] == "5000"


def test_without_a_sweep_it_says_how_to_measure_one(open_page: Open, store: Store) -> None:
    factory.finished(store)
    at = open_page("what_if")
    assert "There is no load sweep of your own yet" in words(at)
    assert not at.code
    assert "python -m app sweep" in unfolded(at, "how_to_measure").code[0].value


def test_what_runs_are_called_is_shown_letter_by_letter(open_page: Open, store: Store) -> None:
    number = factory.finished(store)
    at = open_page("what_if", curve_from=f"{number}.0", api_model="![x](http://evil)")
    assert "no price is known" in words(at)
    assert "\\!\\[x\\]" in at.warning[0].value


def test_money_is_no_formula_and_names_are_no_links(open_page: Open, store: Store) -> None:
    number = swept(store, price_per_hour=2.0)
    with store.runs._session.begin() as session:
        session.execute(update(ExperimentRow).values(title="[x](http://evil)"))
    at = on_tab(open_page("what_if", curve_from=str(number)), "Figures")
    shown = at.table[0].value.to_string()
    assert "\\$" in shown
    assert "$" not in shown.replace("\\$", "")
    assert "$" not in at.metric[0].proto.help.replace("\\$", "")
    assert "](http" not in on_tab(at, "Rests on").table[0].value.to_string()


def test_a_tick_beside_one_name_replaces_no_other(open_page: Open, store: Store) -> None:
    swept(store)
    for name in ("one", "two"):
        store.saved.keep("scenario", name, {"inputs": {"requests_per_day": "1"}})
    at = open_page("what_if")
    at.text_input("what_if_name").set_value("one").run()
    at.checkbox("what_if_replace_one").check().run()
    at.button("what_if_save").click().run()
    assert store.saved.all("scenario")["one"]["inputs"]["requests_per_day"] != "1"
    at.text_input("what_if_name").set_value("two")
    at.button("what_if_save").click().run()
    assert store.saved.all("scenario")["two"]["inputs"]["requests_per_day"] == "1"
    assert "there is a scenario called two already" in words(at)


def test_a_measurement_that_is_not_here_is_told(open_page: Open, store: Store) -> None:
    swept(store)
    at = open_page("what_if", curve_from="999")
    assert "The link names 999, which was not measured here; another is shown." in words(at)
    assert "not measured here" not in words(at.run())
