"""How long an experiment will take: only ever from what was measured here, the closest of it first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.engine.plan import EngineOptions
from app.experiment.estimate import NO_START, NOTHING, Past, PastRun, estimate, range_of, read_past
from app.experiment.kinds import KINDS
from app.experiment.spec import ExperimentSpec
from app.interchange.recording_file import read_recording, record, save_recording
from app.prompts.saved import save_starter_sets
from app.replay.load import LoadProfile
from optimizers.recipe import Recipe
from store.experiments import PlannedRun
from store.settings import Settings
from store.store import Store
from tests.pages import factory

LOAD = LoadProfile("closed_loop", 8, "one_by_one")
ALONE = KINDS["one_at_a_time"].rungs(["prefix_caching"], again=False)


def spec(**options: Any) -> ExperimentSpec:
    defaults: dict[str, Any] = {"kind": "one_at_a_time", "prompt_set_id": 1, "rungs": ALONE, "model": "m", "load": LOAD}
    return ExperimentSpec(**{**defaults, **options})


def ran(seconds: float, keys: list[str] | None = None, **options: Any) -> PastRun:
    """A run of the baseline, or of some techniques."""
    recipe = json.dumps(Recipe.from_json(keys or []).to_json(), sort_keys=True)
    load = json.dumps(LOAD.to_json(), sort_keys=True)
    engine = json.dumps(EngineOptions().to_json(), sort_keys=True)
    return replace(PastRun("m", False, recipe, load, 1, seconds, engine), **options)


BOTH = (ran(1.0), ran(2.0, ["prefix_caching"]))


def test_nothing_measured_no_estimate() -> None:
    found = estimate(spec(), 64, 2, Past())
    assert (found.low_s, found.high_s, found.sentence) == (None, None, NOTHING)


def test_requests_warm_up_repeats_and_starts_are_counted() -> None:
    found = estimate(spec(repeats=3, warm_up=2), 8, 2, Past(BOTH, (("m", 30.0),)))
    whole = 3 * (8 + 2) * (1.0 + 2.0) + 2 * 30.0
    assert [found.low_s, found.high_s] == pytest.approx([0.9 * whole, 1.1 * whole])
    assert found.sentence == "2 to 3 min, judging by 2 earlier runs here"
    assert found.low_s is not None
    more = estimate(spec(repeats=6, warm_up=2), 8, 2, Past(BOTH, (("m", 30.0),)))
    assert (more.low_s or 0) > 1.5 * found.low_s


def test_the_spread_of_what_was_measured_is_the_range() -> None:
    paces = [ran(pace) for pace in (1.0, 2.0, 3.0, 4.0, 5.0)]
    found = estimate(spec(rungs=ALONE[:1], repeats=1, warm_up=0), 10, 0, Past(tuple(paces)))
    assert [found.low_s, found.high_s] == pytest.approx([14.0, 46.0])


def test_the_closest_runs_count_and_strangers_stand_in() -> None:
    own, other_set = ran(1.0), ran(9.0, prompt_set=7)
    other_load, other_model = ran(50.0, load="{}"), ran(100.0, target="another")

    def pace(*runs: PastRun) -> str:
        found = estimate(spec(rungs=ALONE[:1], repeats=1, warm_up=0), 10, 0, Past(runs))
        assert found.low_s is not None
        return f"{found.low_s / 9:.1f}" + (", rough" if "others stand in" in found.basis else "")

    assert pace(own, other_set, other_load, other_model) == "1.0"
    assert pace(other_set, other_load, other_model) == "9.0"
    assert pace(other_load, other_model) == "50.0, rough"
    assert pace(other_model) == "100.0, rough"
    found = estimate(spec(), 10, 0, Past((own,)))
    assert found.basis == "1 earlier run here; 1 of 2 rungs have not been measured so before, and others stand in"


def test_an_engines_start_is_not_made_up() -> None:
    assert estimate(spec(), 8, 2, Past(BOTH)).sentence == NO_START
    assert estimate(spec(), 8, 0, Past(BOTH)).low_s is not None
    elsewhere = estimate(spec(warm_up=0), 8, 1, Past(BOTH, (("another", 40.0),)))
    own = estimate(spec(warm_up=0), 8, 1, Past(BOTH, (("another", 40.0), ("m", 20.0))))
    assert elsewhere.low_s is not None
    assert own.low_s is not None
    assert elsewhere.low_s - own.low_s == pytest.approx(0.9 * 20)


def test_another_server_says_nothing_of_this_machine() -> None:
    theirs = replace(ran(1.0), target="http://127.0.0.1:1", attached=True)
    assert estimate(spec(), 8, 0, Past((theirs,))).sentence == NOTHING
    at_theirs = spec(model=None, endpoint="http://127.0.0.1:1")
    assert estimate(at_theirs, 8, 0, Past((theirs,))).low_s is not None
    assert estimate(spec(model=None, endpoint="http://127.0.0.1:2"), 8, 0, Past((theirs, *BOTH))).sentence == NOTHING


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (20, 59, "less than a minute"),
        (50, 70, "up to 2 min"),
        (130, 290, "2 to 5 min"),
        (3000, 7100, "50 to 119 min"),
        (6480, 9000, "1.8 to 2.5 h"),
    ],
)
def test_a_range_is_never_more_exact_than_it_can_be(low: float, high: float, said: str) -> None:
    assert range_of(low, high) == said


class TestReading:
    def test_runs_and_starts_of_this_machine(self, store: Store) -> None:
        save_starter_sets(store)
        experiment = factory.finished(store, prompts=12, repeats=2, engine_starts=3)
        past = read_past(store, factory.MACHINE)
        assert len(past.runs) == 10
        assert {run.target for run in past.runs} == {"starter"}
        first, records = past.runs[0], store.runs.requests(store.runs.of_experiment(experiment)[0].id)
        assert first.seconds_per_request == pytest.approx(
            (records[-1].end_ns - records[0].scheduled_ns) / 12e9, rel=0.01
        )
        assert past.starts == (("starter", 60.0 / 3),)
        assert read_past(store, "another machine") == Past()

    def test_what_has_not_finished_does_not_count(self, store: Store) -> None:
        save_starter_sets(store)
        factory.running(store, done_runs=3)
        past = read_past(store, factory.MACHINE)
        assert (len(past.runs), past.starts) == (3, ())

    def test_what_was_recorded_elsewhere_does_not_count(self, store: Store, settings: Settings, tmp_path: Path) -> None:
        own = factory.finished(store, prompts=4)
        path = tmp_path / "x.rung.json.gz"
        path.write_bytes(record(store, settings, own))
        store.experiments.remove(own)
        recorded = save_recording(store, *read_recording(path), path.name)
        assert recorded is not None
        assert len(store.runs.of_experiment(recorded)) == 10
        assert read_past(store, factory.MACHINE) == Past()

    def test_an_experiment_of_another_shape_is_passed_over(self, store: Store) -> None:
        store.experiments.enqueue("future", "t", {}, [PlannedRun(0, 0, "Baseline", [], 1)])
        assert read_past(store, factory.MACHINE) == Past()


def test_a_run_in_another_data_type_only_stands_in() -> None:
    other = json.dumps(EngineOptions(dtype="bfloat16").to_json(), sort_keys=True)
    slow = tuple(replace(run, seconds_per_request=9.0, engine=other) for run in BOTH)
    assert estimate(spec(), 10, 0, Past((*slow, *BOTH))) == estimate(spec(), 10, 0, Past(BOTH))
    assert "others stand in" in estimate(spec(), 10, 0, Past(slow)).basis
