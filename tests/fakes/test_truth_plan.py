"""The plan of the server with known times: what each request is given, told beforehand."""

from __future__ import annotations

import argparse
from itertools import pairwise

import pytest

from tests.fakes.truth_plan import Behaviour, fate, steps


def gaps(behaviour: Behaviour, number: int = 1) -> list[float]:
    return [after.after_s - before.after_s for before, after in pairwise(steps(behaviour, number))]


def test_steady_times() -> None:
    behaviour = Behaviour(ttft_ms=100, itl_ms=20, tokens=4)
    assert [step.after_s for step in steps(behaviour, 1)] == pytest.approx([0.1, 0.12, 0.14, 0.16])
    assert steps(behaviour, 1) == steps(behaviour, 2)


def test_a_chunk_holds_several_tokens_and_never_reasoning_with_answer() -> None:
    found = steps(Behaviour(tokens=10, per_chunk=4, reasoning=6), 1)
    assert [(step.tokens, step.reasoning) for step in found] == [(4, True), (2, True), (4, False)]


def test_a_stall_is_added_to_one_gap() -> None:
    assert gaps(Behaviour(itl_ms=20, tokens=5, stall_at=3, stall_ms=300)) == pytest.approx([0.02, 0.32, 0.02, 0.02])
    assert steps(Behaviour(ttft_ms=100, stall_at=1, stall_ms=300), 1)[0].after_s == pytest.approx(0.4)


def test_jitter_is_by_seed_and_stays_within_its_bounds() -> None:
    behaviour = Behaviour(ttft_ms=100, itl_ms=20, tokens=50, ttft_jitter_ms=30, itl_jitter_ms=10, seed=1)
    assert steps(behaviour, 3) == steps(behaviour, 3) != steps(behaviour, 4)
    assert steps(behaviour, 3) != steps(Behaviour(**{**vars(behaviour), "seed": 2}), 3)
    firsts = [steps(behaviour, number)[0].after_s for number in range(1, 40)]
    assert 0.07 <= min(firsts) < 0.1 < max(firsts) <= 0.13
    assert all(0.0099 < gap < 0.0301 for gap in gaps(behaviour))


def test_who_is_struck_is_known_by_number() -> None:
    behaviour = Behaviour(cut_every=2, busy_every=3)
    assert [fate(behaviour, number) for number in range(1, 7)] == ["whole", "cut", "busy", "cut", "whole", "busy"]
    assert {fate(Behaviour(), number) for number in range(1, 50)} == {"whole"}


def test_a_behaviour_survives_the_command_line() -> None:
    parser = argparse.ArgumentParser()
    Behaviour.add_arguments(parser)
    behaviour = Behaviour(ttft_ms=7.5, reasoning=3, reasoning_key="reasoning_content", busy_status=503)
    assert Behaviour.parsed(parser.parse_args(behaviour.arguments())) == behaviour
