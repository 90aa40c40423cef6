"""The running batch over time: lines from stored samples, and what is left out."""

from __future__ import annotations

from typing import Any

from app.studio.batch_view import batch_line, batch_lines, description
from app.views.charts import batch_over_time
from store.store import Store
from tests.pages import factory

PART = {"sampled_s": [0.25, 0.5], "running": [4.0, 2.0], "waiting": [0.0, 1.0]}


def test_parts_of_a_run_follow_one_another() -> None:
    line = batch_line(2, "+ Batching", [PART, None, PART])
    assert line is not None
    assert line.seconds == (0.25, 0.5, 0.75, 1.0)
    assert line.running == (4, 2, 4, 2)
    assert (line.mean, line.peak) == (3, 4)


def test_samples_without_their_times_make_no_line() -> None:
    old: dict[str, Any] = {"running": [4.0], "waiting": [0.0]}
    assert batch_line(0, "a", [old]) is None
    assert batch_line(0, "a", [None]) is None
    assert batch_line(0, "a", [PART | {"waiting": [0.0]}]) is None


def test_the_figure_tells_lines_apart_without_colour_too() -> None:
    made = [batch_line(rung, f"rung {rung}", [PART]) for rung in (0, 3)]
    lines = [line for line in made if line]
    figure = batch_over_time(lines).to_dict()
    assert [trace["name"] for trace in figure["data"]] == ["rung 0", "rung 3"]
    assert len({trace["line"]["dash"] for trace in figure["data"]}) == 2
    assert description(lines) == (
        "Requests running together: rung 0 3.0 on average, 4 at most; rung 3 3.0 on average, 4 at most."
    )


def test_the_first_repeat_of_each_rung_is_read_from_the_store(store: Store) -> None:
    runs = store.runs.of_experiment(factory.finished(store, prompts=4))
    lines = batch_lines(store, runs)
    assert [line.rung for line in lines] == [0, 1, 2, 3, 4]
    assert lines[0].label == "Baseline"
    assert [line.peak for line in lines] == [1, 1, 1, 4, 4]
