"""The Live page's figures: rates over the last seconds, an en dash for what is not known, nothing of another run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from app.analysis.metric import MISSING
from app.experiment.live_file import READINGS, LiveRun, Reading
from app.studio.live import Live
from app.studio.live_view import FRESH_S, Figure, figures, moment_sentence, now_readings, power_w, rates
from app.studio.spark_line import HEIGHT, WIDTH, in_words, spark_line

ENGINE: dict[str, Any] = {
    "running": 4.0, "waiting": 2.0, "kv_usage": 0.125, "queries": 1000.0, "hits": 600.0, "drafted": 200.0,
    "accepted": 150.0, "preemptions": 3.0,
}  # fmt: skip


def live(**given: Any) -> Live:
    values: dict[str, Any] = {
        "experiment_id": 1, "title": "title", "status": "running", "phase": "", "cancelling": False, "done": 0,
        "planned": 10, "rungs": (), "remaining": None, "run_id": 21, "seconds": 1800.0, "price_per_hour": 2.5,
    }  # fmt: skip
    return Live(**{**values, **given})


def reading(at_s: float, answered: int = 0, tokens: float = 0.0, **given: Any) -> Reading:
    return Reading(at_s, answered, 0, tokens, **given)


def steady(seconds: int, per_s: int = 2, first: int = 1, **given: Any) -> list[Reading]:
    """`per_s` requests of 10 tokens every second."""
    return [reading(float(at), per_s * at, 10.0 * per_s * at, **given) for at in range(first, seconds + 1)]


def shown(readings: Sequence[Reading], **given: Any) -> dict[str, str]:
    return {figure.label: figure.value for figure in figures(readings, live(**given))}


def test_every_figure_of_an_engine_that_shows_all() -> None:
    readings = steady(30, **ENGINE)
    readings[0:0] = [reading(0.5, joules=0.0, watched_s=0.0, **ENGINE)]
    readings.append(reading(31.0, 62, 620.0, joules=620.0, watched_s=31.0, **ENGINE))
    assert shown(readings) == {
        "Throughput": "2.00 req/s",
        "Output rate": "20.0 tok/s",
        "Running": "4",
        "Waiting": "2",
        "KV cache": "12.5 %",
        "Prefix hit rate": "60.0 %",
        "Acceptance": "75.0 %",
        "Preemptions": "3",
        "Power": "20.0 W",
        "Cost so far": "$1.2500",
    }


def test_what_is_not_known_is_missing_and_never_0() -> None:
    found = shown(steady(5), price_per_hour=None)
    assert found.pop("Throughput") == "2.00 req/s"
    assert found.pop("Output rate") == "20.0 tok/s"
    assert set(found.values()) == {MISSING}
    assert set(shown((), price_per_hour=None).values()) == {MISSING}


def test_nothing_looked_up_or_drafted_is_no_rate_of_0() -> None:
    found = shown(steady(5, **{**ENGINE, "queries": 0.0, "hits": 0.0, "drafted": 0.0, "accepted": 0.0}))
    assert (found["Prefix hit rate"], found["Acceptance"], found["Preemptions"]) == (MISSING, MISSING, "3")


def test_the_labels_do_not_change_with_what_is_known() -> None:
    assert list(shown(())) == list(shown(steady(5, **ENGINE)))


def test_a_rate_is_over_the_last_seconds_and_not_the_whole_run() -> None:
    faster = [*steady(60), *(reading(60.0 + at, 120 + 8 * at) for at in range(1, 21))]
    found = rates(faster, lambda each: each.answered)
    assert found[59] == (60.0, 2.0)
    assert found[-1] == (80.0, 8.0)
    # Half of the window was slow.
    assert found[64] == pytest.approx((65.0, (5 * 2 + 5 * 8) / 10))


def test_the_first_reading_counts_from_the_start_of_the_run() -> None:
    assert rates([reading(1.0, 3)], lambda each: each.answered) == ((1.0, 3.0),)
    assert rates([], lambda each: each.answered) == ()


def test_where_older_readings_were_dropped_the_start_is_not_made_up() -> None:
    assert rates([reading(200.0, 400)], lambda each: each.answered) == ()
    assert rates(steady(203, first=200), lambda each: each.answered)[-1] == (203.0, 2.0)


def test_power_is_between_readings_of_the_counters() -> None:
    at = [(1.0, None, 0.0), (2.0, 0.0, 0.0), (3.0, 0.0, 0.0), (7.0, 250.0, 5.0), (8.0, 250.0, 5.0), (12.0, 350.0, 10.0)]
    readings = [reading(when, joules=joules, watched_s=watched) for when, joules, watched in at]
    assert power_w(readings) == ((7.0, 50.0), (12.0, 20.0))


def test_readings_of_another_run_or_of_a_while_ago_are_not_shown() -> None:
    readings = tuple(steady(3))
    found = LiveRun(1, 21, 1000.0, readings)
    assert now_readings(found, live(), 1001.0) == readings
    assert now_readings(found, live(), 1000.0 + FRESH_S + 1) == ()
    assert now_readings(found, live(run_id=22), 1001.0) == ()
    assert now_readings(found, live(run_id=None), 1001.0) == ()
    assert now_readings(None, live(), 1001.0) == ()


def test_a_sentence_says_what_the_figures_are_of() -> None:
    readings = [*steady(75, **ENGINE), Reading(76.0, 150, 2, 1500.0, running=1.0)]
    assert moment_sentence(readings, live()).startswith("This run: 1 min 16 s, 150 answered, 2 failed.")
    assert "no engine metrics" not in moment_sentence(readings, live())
    assert "no engine metrics" in moment_sentence(steady(5), live())
    assert "No figures now" in moment_sentence((), live())
    assert "once its requests are sent" in moment_sentence((), live(status="queued", run_id=None))


def figure(*values: float, top: float | None = None) -> Figure:
    trail = tuple((float(at), value) for at, value in enumerate(values))
    return Figure("Output rate", "3.0 tok/s", "", trail, top, "6.0 tok/s")


def drawn(svg: str) -> list[tuple[float, float]]:
    points = svg.partition('<polyline points="')[2].partition('"')[0]
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in points.split())]


def test_a_line_ends_now_at_the_right_and_stands_on_0() -> None:
    (first, before, last) = drawn(spark_line(figure(0.0, 6.0, 3.0), "#123456"))
    assert last[0] == WIDTH
    assert last[0] - before[0] == pytest.approx(WIDTH / READINGS, abs=0.1)
    floor, ceiling = first[1], before[1]
    assert floor > HEIGHT - 3
    assert ceiling < 3
    assert last[1] == pytest.approx((floor + ceiling) / 2, abs=0.1)


def test_a_share_is_drawn_of_the_whole() -> None:
    low = drawn(spark_line(figure(2.0, 2.0, top=100.0), "#123456"))
    assert low[0][1] > HEIGHT - 4


def test_two_minutes_fill_the_card_and_nothing_runs_out_of_it() -> None:
    points = drawn(spark_line(figure(*[1.0] * (READINGS + 10)), "#123456"))
    assert min(x for x, _ in points) == 0.0
    assert all(0 <= y <= HEIGHT for _, y in points)
    assert drawn(spark_line(figure(0.0, 0.0), "#123456"))[0][1] > HEIGHT - 3


def test_one_point_is_no_line_and_words_stand_for_each() -> None:
    assert drawn(spark_line(figure(1.0), "#123456")) == []
    assert in_words(figure()) == ""
    assert in_words(figure(0.0, 6.0, 3.0)) == "Output rate over the last 2 s: now 3.0 tok/s, at most 6.0 tok/s"
