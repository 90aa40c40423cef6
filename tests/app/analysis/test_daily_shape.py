"""Daily shapes: shares of 24 hours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.analysis.daily_shape import HOURS, PEAK_HOUR, SHAPES, hourly_shares, peaked_shares


@pytest.mark.parametrize("key", SHAPES)
def test_the_shares_of_each_shape_add_up_to_a_day(key: str) -> None:
    shares = hourly_shares(key, 2.0)
    assert shares.shape == (HOURS,)
    assert shares.sum() == pytest.approx(1)
    assert shares.min() >= 0


def test_named_shapes_peak_when_their_name_says() -> None:
    assert hourly_shares("flat").tolist() == pytest.approx([1 / 24] * 24)
    assert 9 <= hourly_shares("office").argmax() <= 16
    assert 18 <= hourly_shares("evening").argmax() <= 22
    # 10 of the 125 parts that its weights add up to.
    assert hourly_shares("office").max() == pytest.approx(10 / sum(SHAPES["office"].weights))


@given(st.floats(1, 12))
def test_a_peak_is_as_high_as_asked(factor: float) -> None:
    shares = peaked_shares(factor)
    assert shares.max() * HOURS == pytest.approx(factor, rel=1e-6)
    assert shares.argmax() == PEAK_HOUR or factor == pytest.approx(1)
    assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("factor", [0.5, 13, float("nan")])
def test_a_peak_that_cannot_be_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="give 1 to 12"):
        peaked_shares(factor)
