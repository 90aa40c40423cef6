"""Load profiles and the schedules they become."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from statistics import mean, stdev
from typing import Any

import pytest

from app.replay.load import LoadProfile, Schedule, plan_schedule, timetable
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.technique import ScheduleChange

ON, OFF, SILENT = ScheduleChange(True), ScheduleChange(False), ScheduleChange(None)


@pytest.mark.parametrize(
    ("load", "change", "schedule"),
    [
        (LoadProfile("closed_loop", 8, "one_by_one"), ON, Schedule("slots", 8)),
        (LoadProfile("closed_loop", 8, "one_by_one"), OFF, Schedule("slots", 1)),
        (LoadProfile("closed_loop", 8, "static"), ON, Schedule("slots", 8)),
        (LoadProfile("closed_loop", 8, "static"), OFF, Schedule("waves", 8)),
        (LoadProfile("closed_loop", 8, "as_sent"), OFF, Schedule("slots", 8)),
        (LoadProfile("static_batches", 4, "as_sent"), ON, Schedule("waves", 4)),
        (LoadProfile("static_batches", 4, "as_sent"), OFF, Schedule("waves", 4)),
        (LoadProfile("static_batches", 4, "one_by_one"), OFF, Schedule("slots", 1)),
        (LoadProfile("closed_loop", 8, "one_by_one"), SILENT, Schedule("slots", 8)),
    ],
)
def test_the_recipe_alters_the_profile(load: LoadProfile, change: ScheduleChange, schedule: Schedule) -> None:
    assert plan_schedule(load, change) == schedule


@pytest.mark.parametrize(
    ("schedule", "title"),
    [
        (Schedule("slots", 1), "one by one"),
        (Schedule("waves", 1), "one by one"),
        (Schedule("slots", 8), "8 in flight"),
        (Schedule("waves", 8), "static batches of 8"),
    ],
)
def test_schedules_have_names(schedule: Schedule, title: str) -> None:
    assert schedule.title == title


@pytest.mark.parametrize("concurrency", [0, -1, 4097])
def test_impossible_concurrency_is_refused(concurrency: int) -> None:
    with pytest.raises(InputError, match=f"the concurrency is {concurrency}; give a whole number from 1 to 4096"):
        LoadProfile(concurrency=concurrency)


def test_json_round_trip() -> None:
    load = LoadProfile("static_batches", 4, "static")
    document: dict[str, Any] = load.to_json()
    assert LoadProfile.from_json(document) == load


PROMPTS = tuple(Prompt(f"p{at}", text="x") for at in range(2000))


def test_a_constant_rate_has_equal_gaps() -> None:
    due, said = timetable(LoadProfile("constant_rate", rate=4.0), PROMPTS[:5])
    assert due == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert said == "4 requests/s"


def test_poisson_gaps_are_exponential_seeded_and_of_the_rate() -> None:
    load = LoadProfile("poisson", rate=50.0, seed=3)
    due, _ = timetable(load, PROMPTS)
    gaps = [after - before for before, after in pairwise(due)]
    assert due[0] == 0.0
    assert min(gaps) > 0
    # 2,000 draws: the mean is within 4 standard errors, and an exponential's spread is its mean.
    assert abs(mean(gaps) * 50 - 1) < 4 / 2000**0.5
    assert abs(stdev(gaps) * 50 - 1) < 0.15
    assert timetable(load, PROMPTS) == (due, "50 requests/s, Poisson")
    assert timetable(replace(load, seed=4), PROMPTS)[0] != due


def test_recorded_times_begin_at_the_first_and_can_be_sped_up() -> None:
    prompts = [Prompt("a", text="x", arrival_s=100.0), Prompt("b", text="x", arrival_s=90.0)]
    assert timetable(LoadProfile("as_recorded", speed=2.0), prompts) == ((5.0, 0.0), "as recorded, 2 times as fast")


def test_a_prompt_without_a_recorded_time_is_named() -> None:
    prompts = [Prompt("a", text="x", arrival_s=1.0), Prompt("late", text="x")]
    with pytest.raises(InputError, match="prompt late has no recorded time"):
        plan_schedule(LoadProfile("as_recorded"), ON, prompts)


@pytest.mark.parametrize(
    ("unbatched", "change", "form", "width", "title"),
    [
        ("one_by_one", ON, "slots", 3, "2 requests/s"),
        ("one_by_one", OFF, "slots", 1, "2 requests/s, one by one"),
        ("static", OFF, "waves", 2, "2 requests/s, static batches of 2"),
        ("as_sent", OFF, "slots", 3, "2 requests/s"),
    ],
)
def test_an_open_loop_keeps_its_times_whatever_the_recipe(
    unbatched: Any, change: ScheduleChange, form: str, width: int, title: str
) -> None:
    load = LoadProfile("constant_rate", 2, unbatched, rate=2.0)
    found = plan_schedule(load, change, PROMPTS[:3])
    assert (found.form, found.width, found.due_s, found.title) == (form, width, (0.0, 0.5, 1.0), title)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kind": "poisson"}, "the rate is None requests a second"),
        ({"kind": "constant_rate", "rate": 0.0}, "the rate is 0.0"),
        ({"kind": "as_recorded", "speed": 0.0}, "the speed is 0.0"),
    ],
)
def test_impossible_open_loops_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        LoadProfile(**options)


def test_a_profile_stored_before_there_were_rates_had_saved_histories() -> None:
    old = {"kind": "closed_loop", "concurrency": 4, "unbatched": "static"}
    assert LoadProfile.from_json(old) == LoadProfile("closed_loop", 4, "static", history="saved")
    load = LoadProfile("poisson", rate=3.0, seed=7)
    assert LoadProfile.from_json(json.loads(json.dumps(load.to_json()))) == load


def test_arrivals_vary_between_repeats_and_not_between_recipes() -> None:
    load = LoadProfile("poisson", rate=50.0, seed=3)
    assert plan_schedule(load.of_repeat(0), ON, PROMPTS).due_s == plan_schedule(load, ON, PROMPTS).due_s
    assert plan_schedule(load.of_repeat(1), ON, PROMPTS).due_s != plan_schedule(load, ON, PROMPTS).due_s
    assert plan_schedule(load.of_repeat(1), ON, PROMPTS).due_s == plan_schedule(load.of_repeat(1), OFF, PROMPTS).due_s
