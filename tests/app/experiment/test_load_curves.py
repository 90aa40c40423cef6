"""Load curves as they are read from the store: which there are, what is in them, and what is never read."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from app.experiment.load_curves import (
    CurveChoice,
    curve_choices,
    default_pair,
    load_curve,
    run_point,
    without_caching,
)
from app.prompts.saved import save_starter_sets
from optimizers.errors import InputError
from store.store import Store
from store.tables import RunRow
from tests.pages import factory
from tests.pages.sweeps import CACHED, swept


@pytest.fixture(autouse=True)
def starter_sets(store: Store) -> None:
    save_starter_sets(store)


def choice(store: Store, key: str) -> CurveChoice:
    return next(each for each in curve_choices(store) if each.key == key)


def test_sweeps_come_first_and_every_other_rung_is_one_load(store: Store) -> None:
    assert curve_choices(store) == []
    first, ladder, last = swept(store), factory.finished(store), swept(store, ["prefix_caching"])
    found = curve_choices(store)
    assert [each.key for each in found] == [str(last), str(first), *(f"{ladder}.{rung}" for rung in range(5))]
    assert found[0].title == f"{last} · Prefix caching · sweep of 4 loads"
    assert found[2].title == f"{ladder} · Baseline · one load"
    assert default_pair(found) == (str(first), str(last))


def test_without_two_sweeps_the_pair_is_that_of_an_experiment(store: Store) -> None:
    assert default_pair([]) == ("", "")
    ladder = factory.finished(store)
    assert default_pair(curve_choices(store)) == (f"{ladder}.0", f"{ladder}.4")
    alone = swept(store, ["prefix_caching"])
    assert default_pair(curve_choices(store)) == (str(alone), "")


def test_what_has_not_finished_is_no_choice(store: Store) -> None:
    factory.queued(store)
    assert curve_choices(store) == []
    running = factory.running(store, done_runs=1)
    assert [each.key for each in curve_choices(store)] == [f"{running}.0"]


def test_a_sweep_becomes_a_curve_by_its_loads(store: Store) -> None:
    number = swept(store, ["prefix_caching"], price_per_hour=1.5)
    curve = load_curve(store, choice(store, str(number)))
    assert curve.is_open
    assert not curve.is_point
    assert [[run.offered for run in level] for level in curve.levels] == [[1, 1], [2, 2], [4, 4], [8, 8]]
    assert curve.levels[0][0].latency["ttft_ms", "p95"] == pytest.approx(120)
    assert curve.levels[0][1].latency["ttft_ms", "p95"] == pytest.approx(120 * 1.04)
    # 16 requests, the last due after 15 s, which ends 220 ms later.
    assert curve.levels[0][0].requests_per_s == pytest.approx(16 / 15.22)
    assert (curve.mean("prompt_tokens"), curve.mean("output_tokens"), curve.mean("cached_tokens")) == (50, 11, CACHED)
    assert (curve.machine, curve.model, curve.prompt_set) == (factory.MACHINE, "starter", "support-desk")
    assert curve.price_per_hour == 1.5


def test_a_rung_becomes_a_single_point(store: Store) -> None:
    ladder = factory.finished(store, repeats=2)
    curve = load_curve(store, choice(store, f"{ladder}.3"))
    assert curve.is_point
    assert not curve.is_open
    assert len(curve.runs) == 2
    assert curve.price_per_hour is None


def test_no_request_is_read(store: Store) -> None:
    swept(store)
    ladder = factory.finished(store)
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    choices = curve_choices(store)
    for each in choices:
        without_caching(store, load_curve(store, each), choices)
    assert ladder
    assert asked
    assert not [statement for statement in asked if "requests" in statement.lower().replace("planned_requests", "")]


def test_the_counterpart_without_caching_is_alike_in_all_else(store: Store) -> None:
    other_prompts = swept(store, prompts=8)
    cached = swept(store, ["prefix_caching"])
    curve = load_curve(store, choice(store, str(cached)))
    found, why = without_caching(store, curve, curve_choices(store))
    assert found is None
    assert why == "there is no sweep of the same recipe without prefix caching on the same prompts and machine"
    plain = swept(store)
    found, why = without_caching(store, curve, curve_choices(store))
    assert found is not None
    assert (found.key, why) == (str(plain), "")
    assert other_prompts != plain
    assert "no prefix caching" in without_caching(store, found, curve_choices(store))[1]


def test_a_run_without_figures_is_no_point(store: Store) -> None:
    ladder = factory.finished(store)
    run = store.runs.of_experiment(ladder)[0]
    assert run.summary is not None
    whole = run_point(run, 2.0)
    assert whole is not None
    assert whole.offered == 2
    bare = RunRow(id=run.id, summary=run.summary | {"metrics": run.summary["metrics"] | {"requests_per_s": None}})
    assert run_point(bare, 0.0) is None
    assert run_point(RunRow(id=1, summary=None), 0.0) is None
    store.runs.set_summary(run.id, {"requests": 12, "errors": 0, "metrics": {}})
    store.runs.set_summary(store.runs.of_experiment(ladder)[1].id, {"requests": 12, "errors": 0, "metrics": {}})
    with pytest.raises(InputError, match="no run of it has a throughput and a latency"):
        load_curve(store, choice(store, f"{ladder}.0"))


def test_a_pair_of_sweeps_is_a_recipe_and_the_same_with_more() -> None:
    def sweep(key: str, *techniques: str) -> CurveChoice:
        return CurveChoice(key, key, tuple({"technique": name} for name in techniques), True)

    other, both, one = sweep("5", "compression"), sweep("4", "batching", "caching"), sweep("3", "batching")
    assert default_pair([other, both, one]) == ("3", "4")
    assert default_pair([one, both]) == ("3", "4")
    assert default_pair([other, both]) == ("5", "")


def test_ones_own_goes_before_what_was_recorded() -> None:
    own, sweep, other = (
        CurveChoice("5.0", "own", (), False), CurveChoice("3", "sweep", (), True, is_recorded=True),
        CurveChoice("4", "other", ({"technique": "prefix_caching"},), True, is_recorded=True),
    )  # fmt: skip
    assert default_pair([own, sweep, other]) == ("5.0", "")
    assert default_pair([sweep, other]) == ("3", "4")
