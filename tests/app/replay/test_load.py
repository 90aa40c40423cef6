"""Load profiles and the schedules they become."""

from __future__ import annotations

from typing import Any

import pytest

from app.replay.load import LoadProfile, Schedule, plan_schedule
from optimizers.errors import InputError
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
