"""Reports: the forms of an experiment and of compared runs, and what there is while nothing has been measured."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from app.analysis.sweep import Slo
from store.store import Store
from tests.pages import factory
from tests.pages.conftest import Open, words

FORMS = ["HTML", "PDF", "Markdown", "CSV", "JSON"]


def forms(at: AppTest) -> list[str]:
    return [button.proto.label for button in at.get("download_button")]


def test_without_experiments_the_page_points_home(open_page: Open) -> None:
    at = open_page("reports")
    assert "Nothing has been measured yet" in words(at)
    assert not at.get("download_button")


def test_each_form_is_offered_and_the_command_that_makes_it(open_page: Open, store: Store) -> None:
    first = factory.finished(store)
    factory.stopped(store, "cancelled", None)
    at = open_page("reports", experiment=str(first))
    assert forms(at) == [*FORMS, "CSV of prompts"]
    assert "an answered request costs" in words(at)
    assert "Every figure, for programs, and the prompts as chosen above." in words(at)
    assert at.code[0].value.splitlines() == [
        f"python -m app report {first} --out report.html",
        f"python -m app report {first} --out prompts.csv --per-prompt",
    ]
    at = open_page("reports", experiment=str(first), texts="none")
    assert forms(at) == FORMS
    assert at.code[0].value == f"python -m app report {first} --out report.html --texts none"


def test_an_unfinished_experiment_says_so(open_page: Open, store: Store) -> None:
    number = factory.stopped(store, "cancelled", None)
    at = open_page("reports", experiment=str(number))
    assert "This experiment was cancelled" in words(at)


def test_a_sweep_has_its_forms_and_its_limits_in_the_link(open_page: Open, store: Store) -> None:
    number = factory.swept(store)
    at = open_page("reports", experiment=str(number), slo_ttft_ms="100000.0")
    assert forms(at) == FORMS
    assert "The highest load is 4 in flight" in words(at)
    assert at.code[0].value.endswith("--slo ttft_ms=100000")


def test_a_sweep_is_judged_by_the_limits_that_it_was_started_with_until_others_are_given(
    open_page: Open, store: Store
) -> None:
    number = factory.swept(store, slo=Slo({"ttft_ms": 100_000.0}))
    at = open_page("reports", experiment=str(number))
    assert at.number_input(key="slo_ttft_ms").value == 100_000
    assert "The highest load is 4 in flight" in words(at)
    assert at.code[0].value == f"python -m app report {number} --out report.html"
    at.number_input(key="slo_ttft_ms").set_value(1.0).run()
    assert "No load is within these limits" in words(at)
    assert at.code[0].value.endswith("--slo ttft_ms=1")
    at.number_input(key="slo_ttft_ms").set_value(0.0).run()
    assert at.code[0].value.endswith("--slo none")
    assert open_page("ladder", experiment=str(number)).number_input(key="slo_ttft_ms").value == 100_000
    for damaged in ("nan", "-5", "soon"):
        at = open_page("ladder", experiment=str(number), slo_ttft_ms=damaged)
        assert at.number_input(key="slo_ttft_ms").value == 100_000


def test_compared_runs_have_their_forms(open_page: Open, store: Store) -> None:
    number = factory.finished(store)
    at = open_page("reports", runs=f"{number}.0,{number}.2", texts="redacted")
    assert forms(at) == [*FORMS, "CSV of prompts"]
    assert f"{number} · + Prefix caching beside {number} · Baseline" in words(at)
    assert at.code[0].value.splitlines() == [
        f"python -m app compare {number}.0 {number}.2 --out report.html --texts redacted",
        f"python -m app compare {number}.0 {number}.2 --out prompts.csv --per-prompt --texts redacted",
    ]


def test_limits_of_the_link_are_the_reports(open_page: Open, store: Store) -> None:
    runs = f"{factory.finished(store)}.0,1.2"
    at = open_page("reports", runs=runs, limits="ttft_ms=120")
    assert "Limits: TTFT p95 at most 120 ms." in words(at)
    assert "python -m app compare 1.0 1.2 --limits ttft_ms=120 --out report.html" in at.code[0].value
    back = next(each.proto for each in at.get("page_link") if each.proto.label == "Open on Compare")
    assert back.query_string == "baseline=1.0&with=1.2&compare_view=Trade-off&compare_ttft_ms=120"
    at = open_page("reports", runs=runs, limits="ttft_ms=-1")
    assert "limits ttft_ms=-1: give a number of milliseconds" in words(at)
    assert "--limits" not in at.code[0].value


def test_runs_that_are_not_there_get_one_line_and_a_way_on(open_page: Open, store: Store) -> None:
    number = factory.finished(store)
    at = open_page("reports", runs=f"{number}.0,{number}.77")
    assert f"experiment {number} has no rung 77" in at.error[0].value.replace("\\", "")
    assert not forms(at)


def test_an_experiment_without_a_report_is_told(open_page: Open, store: Store) -> None:
    factory.finished(store)
    waiting = factory.queued(store)
    at = open_page("reports", experiment=str(waiting))
    assert f"The link names experiment {waiting}, which waits for its turn; another is shown." in words(at)
