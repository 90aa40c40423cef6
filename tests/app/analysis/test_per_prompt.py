"""Two rungs prompt by prompt: what was lost comes first."""

from __future__ import annotations

from dataclasses import replace

from app.analysis.compare import RungData
from app.analysis.per_prompt import prompt_matrix, prompt_pairs
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


def test_a_matrix_puts_the_worst_of_any_candidate_first() -> None:
    before = side(["yes", "yes", "no", "so"], 100)
    rows = prompt_matrix([
        prompt_pairs(before, side(["yes", "yes", "no", "so"], 100)),
        prompt_pairs(before, side(["yes", "no", "yes", "other"], 100)),
    ])  # fmt: skip
    assert [row.position for row in rows] == [1, 2, 3, 0]
    assert [(row.regressed, row.won, row.different, row.failed) for row in rows] == [
        (True, False, True, False), (False, True, True, False), (False, False, True, False),
        (False, False, False, False),
    ]  # fmt: skip


def test_more_lost_repeats_come_before_fewer() -> None:
    def repeated(*texts: list[str]) -> RungData:
        made = [[record(at, due_ms=1000 * at, text=text) for at, text in enumerate(each)] for each in texts]
        return replace(rung(*made), expected={0: "yes", 1: "yes"})

    pairs = prompt_pairs(repeated(["yes", "yes"], ["yes", "yes"]), repeated(["yes", "no"], ["no", "no"]))
    assert [(pair.position, pair.right_after) for pair in pairs] == [(1, 0.0), (0, 0.5)]


def test_failures_are_counted_by_repeat_and_a_candidate_without_the_prompt_has_no_pair() -> None:
    before = rung([record(0), record(1)], [record(0), record(1)])
    failing = rung([record(0, error="HTTP 500: x")], [record(0)])
    rows = prompt_matrix([prompt_pairs(before, failing), prompt_pairs(before, before)])
    by_position = {row.position: row for row in rows}
    first = by_position[0].pairs[0]
    assert first is not None
    assert (first.failed_before, first.failed_after, by_position[0].failed) == (0, 1, True)
    assert by_position[1].pairs[0] is None
    assert not by_position[1].failed
