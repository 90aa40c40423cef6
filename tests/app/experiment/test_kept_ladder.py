"""A ladder is worked out once and kept; anything that it depends on has it worked out anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from app.analysis import ladder as pure
from app.experiment import kept_ladder, results
from app.experiment.results import load_ladder
from app.prompts.saved import save_starter_sets
from store.store import Store
from store.tables import AnalysisRow, Base, ExperimentRow, RunRow
from tests.pages import factory

Worked = Callable[[], int]


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch, store: Store) -> Worked:
    """How many ladders have been worked out so far."""
    save_starter_sets(store)
    made: list[pure.Ladder] = []

    def counted(*given: Any, **named: Any) -> pure.Ladder:
        made.append(pure.build_ladder(*given, **named))
        return made[-1]

    monkeypatch.setattr(results, "build_ladder", counted)
    return lambda: len(made)


def change(store: Store, table: type[Base], **values: Any) -> None:
    """In every row of the table."""
    with store.engine.begin() as connection:
        connection.execute(update(table).values(**values))


@pytest.mark.parametrize("kind", ["ladder", "leave_one_out", "factorial"])
def test_the_second_look_is_the_first_one_read_again(store: Store, worked: Worked, kind: str) -> None:
    experiment = factory.finished(store, kind=kind)
    first = load_ladder(store, experiment)
    assert load_ladder(store, experiment) == first
    assert first.rungs[-1].cost is not None
    assert worked() == 1


def test_each_experiment_has_its_own(store: Store, worked: Worked) -> None:
    one, other = factory.finished(store), factory.finished(store, kind="factorial")
    found = [load_ladder(store, number) for number in (one, other)]
    assert [load_ladder(store, number) for number in (one, other)] == found
    assert found[0] != found[1]
    assert worked() == 2


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (RunRow, {"summary": None}),
        (RunRow, {"manifest": None}),
        (RunRow, {"finished_at": 1.0}),
        (RunRow, {"label": "Another name"}),
        (RunRow, {"status": "interrupted"}),
        (ExperimentRow, {"kind": "one_at_a_time"}),
    ],
)
def test_what_it_depends_on_has_it_worked_out_anew(
    store: Store, worked: Worked, table: type[Base], values: dict[str, Any]
) -> None:
    experiment = factory.finished(store)
    before = load_ladder(store, experiment)
    change(store, table, **values)
    after = load_ladder(store, experiment)
    assert worked() == 2
    assert (after != before) or values == {"finished_at": 1.0}
    assert load_ladder(store, experiment) == after
    assert worked() == 2


def test_another_program_works_it_out_anew(store: Store, worked: Worked, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = factory.finished(store)
    before = load_ladder(store, experiment)
    monkeypatch.setattr(kept_ladder, "PROGRAM", "of tomorrow")
    assert load_ladder(store, experiment) == before
    assert worked() == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"rungs": 3}', "\ud7ff"])
def test_a_copy_that_came_to_harm_is_made_anew(store: Store, worked: Worked, content: str) -> None:
    experiment = factory.finished(store)
    before = load_ladder(store, experiment)
    change(store, AnalysisRow, content=content)
    assert load_ladder(store, experiment) == before
    assert load_ladder(store, experiment) == before
    assert worked() == 2


def test_what_still_runs_is_not_kept(store: Store, worked: Worked) -> None:
    experiment = factory.running(store)
    assert load_ladder(store, experiment) == load_ladder(store, experiment)
    assert worked() == 2


def test_a_store_that_takes_nothing_more_still_shows_it(store: Store, worked: Worked) -> None:
    experiment = factory.finished(store)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("create trigger full before insert on analyses begin select raise(fail, 'x'); end")
    assert load_ladder(store, experiment) == load_ladder(store, experiment)
    assert worked() == 2


def test_it_goes_with_its_experiment(store: Store, worked: Worked) -> None:
    experiment = factory.finished(store)
    load_ladder(store, experiment)
    store.experiments.remove(experiment)
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from analyses").scalar() == 0
