"""Reports: the forms of an experiment, and what there is while nothing has been measured."""

from __future__ import annotations

from store.store import Store
from tests.pages import factory
from tests.pages.conftest import Open, words


def test_without_experiments_the_page_points_home(open_page: Open) -> None:
    at = open_page("reports")
    assert "Nothing has been measured yet" in words(at)
    assert not at.get("download_button")


def test_each_form_is_offered_and_the_command_that_makes_it(open_page: Open, store: Store) -> None:
    first = factory.finished(store)
    factory.stopped(store, "cancelled", None)
    at = open_page("reports", experiment=str(first))
    assert [button.proto.label for button in at.get("download_button")] == ["HTML", "PDF", "Markdown", "JSON"]
    assert "an answered request costs" in words(at)
    at.radio[0].set_value("none").run()
    assert at.code[0].value == f"python -m app report {first} --out report.html --texts none"


def test_an_unfinished_experiment_says_so(open_page: Open, store: Store) -> None:
    number = factory.stopped(store, "cancelled", None)
    at = open_page("reports", experiment=str(number))
    assert "This experiment is cancelled" in words(at)
