"""Conversations: a turn after the one before, with the answer that was really given; and sending by the clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from time import monotonic_ns
from typing import Any

import pytest

from app.replay import runner
from app.replay.body import Sampling, Turn, WireRequest, as_sent, turns_of, wire_request
from app.replay.load import Schedule
from app.replay.pacing import sleep_until
from app.replay.record import Exchange
from app.replay.runner import Replay
from optimizers.prompt import Message, Prompt

SAVED = "what was saved"


def conversation(name: str, turns: int, system: str = "") -> list[Prompt]:
    """Each turn repeats those before it, with saved answers."""
    told: list[Message] = [Message("system", system)] if system else []
    found = []
    for turn in range(1, turns + 1):
        told.append(Message("user", f"{name} asks {turn}"))
        found.append(Prompt(f"{name}-{turn}", tuple(told), conversation=name, turn=turn))
        told.append(Message("assistant", SAVED))
    return found


def wired(prompts: Sequence[Prompt], live: bool = True) -> list[WireRequest]:
    turns = turns_of(prompts, live)
    return [wire_request(prompt, at, "m", Sampling(), True, None, turns[at]) for at, prompt in enumerate(prompts)]


class Echo:
    """Answers with the position of what it is asked, or fails; keeps the bodies."""

    def __init__(self, failing: frozenset[int] = frozenset(), seconds: float = 0.0) -> None:
        self.failing = failing
        self.seconds = seconds
        self.bodies: dict[int, dict[str, Any]] = {}
        self.order: list[int] = []
        self.open: set[int] = set()
        self.together: list[set[int]] = []

    async def send(self, session: Any, url: str, body: bytes, exchange: Exchange) -> Exchange:
        exchange.sent_ns = monotonic_ns()
        self.order.append(exchange.position)
        self.bodies[exchange.position] = json.loads(body)
        self.open.add(exchange.position)
        self.together.append(set(self.open))
        await asyncio.sleep(self.seconds)
        self.open.remove(exchange.position)
        exchange.status = 500 if exchange.position in self.failing else 200
        answer = {"choices": [{"delta": {"content": f'"{exchange.position}"\n'}, "finish_reason": "stop"}]}
        exchange.chunks.append((monotonic_ns(), b"data: " + json.dumps(answer).encode() + b"\n\ndata: [DONE]\n\n"))
        exchange.end_ns = monotonic_ns()
        return exchange

    def answers_in(self, position: int) -> list[str]:
        return [m["content"] for m in self.bodies[position]["messages"] if m["role"] == "assistant"]


async def replayed(
    echo: Echo,
    requests: Sequence[WireRequest],
    schedule: Schedule,
    monkeypatch: pytest.MonkeyPatch,
    answers: dict[int, str] | None = None,
) -> tuple[dict[int, Exchange], runner.ReplayStats]:
    monkeypatch.setattr(runner, "send", echo.send)
    done: list[Exchange] = []

    async def there() -> str | None:
        return None

    replay = Replay(None, "http://x", schedule, done.append, there, answers)  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        stats = await replay.run(requests)
    return {exchange.position: exchange for exchange in done}, stats


SCHEDULES = [
    Schedule("slots", 8),
    Schedule("waves", 3),
    Schedule("slots", 1),
    Schedule("slots", 9, (0.0,) * 9),
    Schedule("slots", 1, (0.0,) * 9),
    Schedule("waves", 2, tuple(0.004 * at for at in range(9))),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: f"{schedule.title or 'by the clock'}")
async def test_turns_wait_for_one_another_and_hold_what_was_answered(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Interleaved, and the last conversation's turns stand in the wrong order.
    a, b, c = conversation("a", 3, "Be brief."), conversation("b", 3), conversation("c", 3)
    prompts = [a[0], b[0], a[1], b[1], c[2], a[2], b[2], c[1], c[0]]
    echo = Echo(seconds=0.002)
    done, stats = await replayed(echo, wired(prompts), schedule, monkeypatch)
    assert sorted(echo.order) == list(range(9))
    for turns in ([0, 2, 5], [1, 3, 6], [8, 7, 4]):
        assert [at for at in echo.order if at in turns] == turns
        assert not any(len(together & set(turns)) > 1 for together in echo.together)
        assert echo.answers_in(turns[2]) == [f'"{turns[0]}"\n', f'"{turns[1]}"\n']
        assert done[turns[1]].scheduled_ns >= done[turns[0]].end_ns or not schedule.due_s
    assert (stats.live_histories, stats.saved_histories) == (6, 0)


async def test_a_failed_turn_leaves_the_saved_history(monkeypatch: pytest.MonkeyPatch) -> None:
    echo = Echo(failing=frozenset({0}))
    _, stats = await replayed(echo, wired(conversation("a", 3)), Schedule("slots", 4), monkeypatch)
    assert echo.answers_in(1) == [SAVED]
    assert echo.answers_in(2) == [SAVED, SAVED]
    assert (stats.live_histories, stats.saved_histories) == (0, 2)


async def test_saved_histories_are_sent_to_the_letter_and_still_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    echo = Echo()
    requests = wired(conversation("a", 3), live=False)
    _, stats = await replayed(echo, requests, Schedule("slots", 4), monkeypatch)
    assert echo.order == [0, 1, 2]
    assert echo.answers_in(2) == [SAVED, SAVED]
    assert (stats.live_histories, stats.saved_histories) == (0, 2)


async def test_a_conversation_goes_on_with_what_was_answered_before_a_break(monkeypatch: pytest.MonkeyPatch) -> None:
    echo = Echo()
    rest = wired(conversation("a", 3))[1:]
    await replayed(echo, rest, Schedule("slots", 4), monkeypatch, {0: "before the break"})
    assert echo.answers_in(1) == ["before the break"]
    assert echo.answers_in(2) == ["before the break", '"1"\n']


def test_rewritten_messages_are_left_as_they_are() -> None:
    first, second = conversation("a", 2)
    other = Prompt(second.id, (Message("user", "a summary"), *second.messages[1:]), conversation="a", turn=2)
    assert turns_of([first, other], True) == [Turn(), Turn(after=0)]


def test_what_was_sent_is_known_afterwards() -> None:
    prompts = conversation("a", 3)
    sent = as_sent(prompts, turns_of(prompts, True), {0: "first", 1: "second"})
    assert [m.content for m in sent[2].messages if m.role == "assistant"] == ["first", "second"]
    # The second turn's answer is missing, so the third was sent as it was saved.
    partly = as_sent(prompts, turns_of(prompts, True), {0: "first"})
    assert [m.content for m in partly[1].messages if m.role == "assistant"] == ["first"]
    assert partly[2] == prompts[2]


def test_prompts_of_no_conversation_wait_for_nobody() -> None:
    assert turns_of([Prompt("a", text="x"), Prompt("b", text="y", conversation="c")], True) == [Turn(), Turn()]


def test_a_prompt_that_holds_the_mark_itself_is_filled_rightly() -> None:
    first = Prompt("1", (Message("user", 'say "answer"'),), conversation="c", turn=1)
    second = Prompt("2", (*first.messages, Message("assistant", "answer"), Message("user", "answer-?")),
                    conversation="c", turn=2)  # fmt: skip
    body = wired([first, second])[1].filled({0: 'a "quoted"\nline'})
    assert body is not None
    assert [m["content"] for m in json.loads(body)["messages"]] == ['say "answer"', 'a "quoted"\nline', "answer-?"]


async def test_late_requests_are_sent_and_count_from_when_they_were_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out though each answer takes five times the gap and only one may be open."""
    due = tuple(0.002 * at for at in range(8))
    prompts = [Prompt(f"p{at}", (Message("user", "x"),)) for at in range(8)]
    echo = Echo(seconds=0.01)
    done, stats = await replayed(echo, wired(prompts), Schedule("slots", 1, due), monkeypatch)
    assert stats.peak_in_flight == 1
    start = done[0].scheduled_ns
    assert [round((done[at].scheduled_ns - start) / 1e6) for at in range(8)] == [0, 2, 4, 6, 8, 10, 12, 14]
    delays = [done[at].sent_ns - done[at].scheduled_ns for at in range(8)]
    assert delays == sorted(delays)
    assert delays[-1] > 7 * 8_000_000


async def test_a_slow_server_does_not_slow_the_open_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = [Prompt(f"p{at}", (Message("user", "x"),)) for at in range(6)]
    echo = Echo(seconds=0.2)
    _, stats = await replayed(echo, wired(prompts), Schedule("slots", 6, (0.0,) * 6), monkeypatch)
    assert stats.peak_in_flight == 6


async def test_nothing_is_sent_before_it_is_due() -> None:
    at = monotonic_ns() + 7_000_000
    await sleep_until(at)
    assert monotonic_ns() >= at
    await sleep_until(0)
