"""The places of a slider over round numbers."""

from __future__ import annotations

from app.studio.dial import round_steps


def test_steps_are_round_and_end_at_both_ends() -> None:
    assert round_steps(1, 100) == [1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100]
    assert len({f"{step:,.12g}" for step in round_steps(0.01, 100)}) == len(round_steps(0.01, 100))
    assert round_steps(0.01, 0.1) == [0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1]
