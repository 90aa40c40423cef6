"""Two rungs prompt by prompt: what was lost comes first."""

from __future__ import annotations

from dataclasses import replace

from app.analysis.compare import RungData
from app.analysis.per_prompt import prompt_pairs
from tests.building import record, rung


def side(texts: list[str], ms: float) -> RungData:
    made = [record(at, due_ms=1000 * at, ttft_ms=ms, tpot_ms=0, text=text) for at, text in enumerate(texts)]
    return replace(rung(made), expected={0: "yes", 1: "yes", 2: "yes"})


def test_lost_answers_come_first_then_those_that_differ() -> None:
    before = side(["yes", "yes", "no", "so"], 100)
    after = side(["yes", "no", "yes", "so"], 200)
    pairs = prompt_pairs(before, after)
    assert [pair.position for pair in pairs] == [1, 2, 0, 3]
    assert [(pair.lost, pair.won, pair.same) for pair in pairs] == [
        (True, False, False), (False, True, False), (False, False, True), (False, False, True),
    ]  # fmt: skip
    assert {pair.factor for pair in pairs} == {2.0}
    assert pairs[-1].right_before is None


def test_only_what_both_sent_is_paired_and_a_failure_has_no_time() -> None:
    before = side(["yes", "yes"], 100)
    failed = replace(rung([record(1, error="HTTP 500: x"), record(2)]), expected={0: "yes", 1: "yes", 2: "yes"})
    (pair,) = prompt_pairs(before, failed)
    assert (pair.position, pair.lost, pair.same, pair.after_ms, pair.factor) == (1, True, None, None, None)
