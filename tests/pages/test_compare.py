"""Compare: verdicts, prompts and configuration of chosen rungs, and the link that holds the choice."""

from __future__ import annotations

from store.store import Store
from tests.pages import factory
from tests.pages.conftest import Open, words


def test_with_nothing_to_compare_the_page_points_home(open_page: Open) -> None:
    assert "There are no two measured rungs yet" in words(open_page("compare"))


def test_a_link_chooses_baseline_and_candidates(open_page: Open, store: Store) -> None:
    number = factory.finished(store, prompts=24, repeats=3)
    at = open_page("compare", **{"baseline": f"{number}.0", "with": f"{number}.2,{number}.1"})
    said = words(at)
    assert f"{number} · + Prefix caching: better; 0." in said
    assert f"{number} · Baseline again: no clear change" in said
    summary = at.dataframe[0].value
    assert summary["Metric"][0] == "Hardware time for a request (s)"
    assert "better" in summary[f"{number} · + Prefix caching"][0]
    assert at.query_params["with"] in (f"{number}.2,{number}.1", [f"{number}.2,{number}.1"])


def test_prompts_can_be_narrowed(open_page: Open, store: Store) -> None:
    number = factory.finished(store, prompts=24, repeats=3)
    at = open_page("compare", **{"baseline": f"{number}.0", "with": f"{number}.2"})
    assert len(at.dataframe[1].value) == 24
    at.session_state["compare_shown"] = "Different"
    at.run()
    assert not at.exception
    assert "No prompt is like that." in words(at)


def test_rungs_of_other_prompts_are_not_compared(open_page: Open, store: Store) -> None:
    first, second = factory.finished(store, prompts=12), factory.finished(store, prompts=16)
    at = open_page("compare", **{"baseline": f"{first}.0", "with": f"{second}.0"})
    assert "not comparable; the prompt sets differ" in words(at)
