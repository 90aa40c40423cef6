"""The front, the limits, and the interval of a tail."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.analysis.statistics import Interval
from app.analysis.trade_off import Better, Figure, Limits, Point, front, latency_figures, tail_interval
from optimizers.errors import InputError
from tests.building import record, rung

AXES: Mapping[str, Better] = {"cost": "lower", "quality": "higher"}


def point(name: str, cost: float | None = None, quality: float | None = None) -> Point:
    found = {"cost": cost, "quality": quality}
    return Point(name, {tag: Figure(value) for tag, value in found.items() if value is not None})


def names(points: list[Point]) -> list[str]:
    return [each.name for each in points]


def test_the_front_is_what_nothing_dominates() -> None:
    points = [point("dear", 1.0, 99), point("bad", 0.9, 80), point("cheap", 0.3, 85), point("mid", 0.5, 95)]
    assert names(front(points, AXES)) == ["cheap", "mid", "dear"]


def test_a_point_without_a_figure_is_not_on_it_and_equal_points_both_are() -> None:
    points = [point("one", 0.5, 90), point("twin", 0.5, 90), point("unknown", 0.1)]
    assert names(front(points, AXES)) == ["one", "twin"]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_whatever_is_off_the_front_is_dominated_by_something_on_it(pairs: list[tuple[int, int]]) -> None:
    points = [point(str(at), cost, quality) for at, (cost, quality) in enumerate(pairs)]
    kept = front(points, AXES)
    assert kept
    for each in points:
        if each not in kept:
            assert any(
                (on.value("cost") or 0) <= (each.value("cost") or 0)
                and (on.value("quality") or 0) >= (each.value("quality") or 0)
                for on in kept
            )


milliseconds = st.integers(1, 10**9) | st.decimals("0.01", 10**7, places=2).map(float)


@given(
    st.dictionaries(st.sampled_from(["ttft_ms", "tpot_ms", "e2e_ms"]), milliseconds),
    st.none() | st.integers(0, 100) | st.just(99.25),
)
def test_limits_are_read_as_they_are_written(most: dict[str, float], least: float | None) -> None:
    limits = Limits(most, least)
    assert Limits.read(str(limits)) == limits


@pytest.mark.parametrize("text", ["cost=1", "ttft_ms", "ttft_ms=0", "ttft_ms=inf", "ttft_ms=nan", "quality=101", "=5"])
def test_what_is_no_limit_gets_one_line(text: str) -> None:
    with pytest.raises(InputError, match=f"^--limits {text}: "):
        Limits.read(text)


def test_limits_name_what_breaks_them_and_what_is_close() -> None:
    fast = Point("fast", {"ttft_ms": Figure(90, Interval(80, 110)), "quality": Figure(95, Interval(90, 98))})
    limits = Limits({"ttft_ms": 100}, 96)
    assert limits.broken_by(fast) == ("quality",)
    assert limits.unsure_of(fast) == ("ttft_ms", "quality")
    assert limits.broken_by(Point("blind")) == ("ttft_ms", "quality")
    assert Limits().any is False
    assert limits.any is True


def test_tails_are_of_all_repeats_and_failed_requests_have_none() -> None:
    made = [record(at, due_ms=1000 * at, ttft_ms=100 + at, tpot_ms=10, tokens=3) for at in range(100)]
    found = latency_figures(rung([*made, record(100, error="HTTP 500: x")]))
    assert found["ttft_ms"].value == pytest.approx(194.05)
    assert found["tpot_ms"].value == pytest.approx(10)
    assert latency_figures(rung([record(0, error="HTTP 500: x")])) == {}


def test_the_interval_of_a_tail_holds_the_true_one_about_as_often_as_it_says() -> None:
    random, held = np.random.default_rng(1), 0
    for _ in range(400):
        span = tail_interval(list(random.uniform(0, 1, 200)))
        assert span is not None
        held += span.low <= 0.95 <= span.high
    assert 0.92 <= held / 400 <= 0.99
    assert tail_interval([1.0] * 40) is None
