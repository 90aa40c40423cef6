"""The remaining time is said only once it can be known, and rests on what was measured."""

from __future__ import annotations

from app.studio.live import Remaining, RunState, estimate, rung_states


def run(rung: int, status: str, done: int = 0, began: float | None = None, ended: float | None = None) -> RunState:
    return RunState(rung, f"rung {rung}", status, 10, done, f"engine {rung // 2}", began, ended)


def test_nothing_is_promised_before_anything_has_finished() -> None:
    assert estimate([run(0, "queued"), run(1, "queued")], 1, 0.0, 0.0, 30.0) is None
    assert estimate([run(0, "running", done=2, began=20.0), run(1, "queued")], 1, 0.0, 0.0, 30.0) is None


def test_nothing_is_left_when_every_run_has_finished() -> None:
    assert estimate([run(0, "done", 10, 20.0, 30.0)], 1, 0.0, 0.0, 30.0) is None


def test_a_rungs_own_pace_counts_for_its_next_repeat() -> None:
    runs = [run(0, "done", 10, 20.0, 30.0), run(0, "queued"), run(1, "done", 10, 30.0, 70.0), run(1, "queued")]
    found = estimate(runs, 1, 0.0, 0.0, 70.0)
    assert found is not None
    # 10 s + 40 s of runs; they share an engine, which no run holds now, so one start of 20 s as before.
    assert found.seconds == 10 + 40 + 20
    assert not found.rough


def test_a_running_run_counts_once_it_has_got_somewhere() -> None:
    found = estimate([run(0, "running", done=5, began=20.0)], 1, 0.0, 0.0, 30.0)
    assert found is not None
    assert (found.seconds, found.rough) == (10.0, False)


def test_an_unknown_rung_is_guessed_at_the_pace_so_far_and_says_so() -> None:
    runs = [run(0, "done", 10, 20.0, 30.0), run(1, "running", 5, 30.0), run(2, "queued")]
    found = estimate(runs, 1, 0.0, 0.0, 35.0)
    assert found is not None
    assert found.rough
    # 5 requests of the running one, 10 of the unknown one, and the engine that it needs.
    assert found.seconds == 5 + 10 + 20


def test_engine_starts_of_an_earlier_attempt_are_known_too() -> None:
    runs = [run(0, "done", 10, 5.0, 15.0), run(1, "running", 5, 110.0), run(2, "queued")]
    found = estimate(runs, 2, 100.0, 30.0, 115.0)
    assert found is not None
    # The first attempt's start took 30 s, this one's 10 s: 20 s on average.
    assert found.seconds == 5 + 10 + 20


def test_starts_that_were_watched_count_and_what_prepares_a_run_does_not() -> None:
    # 300 s of quantizing, a start of 20 s, and now the first run.
    runs = [run(0, "running", 5, 320.0), run(2, "queued")]
    assert estimate(runs, 1, 0.0, 0.0, 330.0, [20.0]) == Remaining(5 * 2.0 + 10 * 2.0 + 20.0, True)


def test_rungs_sum_up_their_runs() -> None:
    states = rung_states(
        [
            run(0, "done", 10),
            run(0, "running", 4),
            run(1, "done", 10),
            run(1, "queued"),
            run(2, "failed"),
            run(2, "done"),
        ]
    )
    assert [state.status for state in states] == ["running", "waiting", "failed"]
    assert (states[0].runs_done, states[0].requests, states[0].requests_done) == (1, 20, 10)


def test_the_worst_word_wins_for_a_stopped_rung() -> None:
    (state,) = rung_states([run(0, "interrupted"), run(0, "failed")])
    assert state.status == "failed"
