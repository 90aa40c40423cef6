"""Schedules at work: who is in flight when, and what happens when requests fail or the engine goes away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.replay import runner
from app.replay.body import Sampling, WireRequest, wire_request
from app.replay.client import open_wire
from app.replay.load import Schedule
from app.replay.record import Exchange
from app.replay.runner import EngineGoneError, Replay, ReplayStats
from app.replay.stream import parse_exchange
from tests.app.serving import fake_vllm_server, until
from tests.building import chat_prompts
from tests.fakes.launch import engine_process

Gone = Callable[[], Awaitable[str | None]]


async def there() -> str | None:
    return None


def requests(count: int) -> list[WireRequest]:
    prompts = chat_prompts(count, shared_words=4).prompts
    return [wire_request(prompt, at, "fake", Sampling(), chat=True) for at, prompt in enumerate(prompts)]


class Wire:
    """Stands for the network: requests stay open until the test finishes them."""

    def __init__(self) -> None:
        self.open: dict[int, asyncio.Future[Exchange]] = {}
        self.sent: list[int] = []
        self.cancelled: list[int] = []

    async def send(self, session: Any, url: str, body: bytes, exchange: Exchange) -> Exchange:
        self.sent.append(exchange.position)
        answered = self.open[exchange.position] = asyncio.get_running_loop().create_future()
        try:
            await answered
        except asyncio.CancelledError:
            self.cancelled.append(exchange.position)
            raise
        finally:
            del self.open[exchange.position]
        exchange.status = exchange.status or 200
        return exchange

    async def finish(self, position: int) -> set[int]:
        """Answers one request; what is open once everybody has reacted."""
        self.open[position].set_result(Exchange(position, 0))
        return await self.settled()

    async def settled(self) -> set[int]:
        for _ in range(20):
            await asyncio.sleep(0)
        return set(self.open)


class Run:
    """A replay over a Wire, in the background."""

    def __init__(self, wire: Wire, schedule: Schedule, count: int, gone: Gone = there) -> None:
        self.done: list[Exchange] = []
        self.replay = Replay(None, "http://x", schedule, self.done.append, gone)  # type: ignore[arg-type]
        self.task = asyncio.create_task(self.replay.run(requests(count)))

    @property
    def positions(self) -> list[int]:
        return [exchange.position for exchange in self.done]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    monkeypatch.setattr(runner, "send", made.send)
    return made


async def test_slots_refill_at_once(wire: Wire) -> None:
    run = Run(wire, Schedule("slots", 2), 5)
    assert await wire.settled() == {0, 1}
    assert await wire.finish(1) == {0, 2}
    assert await wire.finish(2) == {0, 3}
    assert await wire.finish(0) == {3, 4}
    assert await wire.finish(4) == {3}
    await wire.finish(3)
    assert (await run.task).peak_in_flight == 2
    assert run.positions == [1, 2, 0, 4, 3]


async def test_waves_wait_for_their_slowest(wire: Wire) -> None:
    run = Run(wire, Schedule("waves", 2), 5)
    assert await wire.settled() == {0, 1}
    assert await wire.finish(1) == {0}
    assert await wire.finish(0) == {2, 3}
    assert await wire.finish(2) == {3}
    assert await wire.finish(3) == {4}
    await wire.finish(4)
    assert (await run.task).peak_in_flight == 2
    assert wire.sent == [0, 1, 2, 3, 4]


async def test_one_by_one(wire: Wire) -> None:
    run = Run(wire, Schedule("slots", 1), 3)
    for position in range(3):
        assert await wire.settled() == {position}
        await wire.finish(position)
    assert (await run.task).peak_in_flight == 1


async def test_due_times_are_those_of_the_release(wire: Wire) -> None:
    waves = Run(wire, Schedule("waves", 2), 4)
    for position in (0, 1, 2, 3):
        await wire.settled()
        await wire.finish(position)
    await waves.task
    first, second, third, fourth = (exchange.scheduled_ns for exchange in waves.done)
    assert first == second < third == fourth


async def test_nothing_to_send(wire: Wire) -> None:
    for form in ("slots", "waves"):
        assert (await Run(wire, Schedule(form, 4), 0).task).peak_in_flight == 0  # type: ignore[arg-type]
    assert wire.sent == []


@given(st.integers(0, 12), st.integers(1, 5), st.sampled_from(["slots", "waves"]), st.randoms(use_true_random=False))
def test_whatever_finishes_when_the_width_is_kept(count: int, width: int, form: Any, random: Any) -> None:
    async def play() -> tuple[ReplayStats, list[int], int]:
        wire, most = Wire(), 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runner, "send", wire.send)
            run = Run(wire, Schedule(form, width), count)
            while await wire.settled():
                most = max(most, len(wire.open))
                if form == "slots":
                    assert len(wire.open) == min(width, count - len(run.done))
                else:
                    assert len({position // width for position in wire.open}) == 1
                await wire.finish(random.choice(sorted(wire.open)))
            return await run.task, run.positions, most

    stats, positions, most = asyncio.run(play())
    assert sorted(positions) == list(range(count))
    assert stats.peak_in_flight == most == min(width, count)


@pytest.mark.parametrize("form", ["slots", "waves"])
@pytest.mark.parametrize(("status", "error"), [(0, "the connection was lost (ClientOSError)"), (500, None)])
async def test_an_engine_that_is_gone_ends_the_run_with_its_reason(
    wire: Wire, form: Any, status: int, error: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails_at_two(session: Any, url: str, body: bytes, exchange: Exchange) -> Exchange:
        await wire.send(session, url, body, exchange)
        if exchange.position == 2:
            exchange.status, exchange.error = status, error
        return exchange

    async def gone() -> str | None:
        return "the engine was killed (signal 9)"

    monkeypatch.setattr(runner, "send", fails_at_two)
    run = Run(wire, Schedule(form, 4), 8, gone)
    await wire.settled()
    await wire.finish(1)
    await wire.finish(2)
    with pytest.raises(EngineGoneError, match=r"^the engine was killed \(signal 9\)$"):
        await run.task
    # What had finished stays, what was open is neither recorded nor left running.
    assert run.positions == [1]
    assert wire.open == {}
    assert {0, 3} <= set(wire.cancelled)


async def test_a_failed_request_is_recorded_while_the_engine_lives(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def fails(session: Any, url: str, body: bytes, exchange: Exchange) -> Exchange:
        exchange.status = (200, 400, 500)[exchange.position]
        return exchange

    async def alive() -> str | None:
        asked.append(1)
        return None

    monkeypatch.setattr(runner, "send", fails)
    run = Run(wire, Schedule("slots", 1), 3, alive)
    await run.task
    assert [exchange.status for exchange in run.done] == [200, 400, 500]
    # A refused request says that the server is there; only its own failure asks after it.
    assert len(asked) == 1


async def test_a_recorder_that_fails_ends_the_run_with_its_own_fault(wire: Wire) -> None:
    def full(exchange: Exchange) -> None:
        raise OSError("disk full")

    replay = Replay(None, "http://x", Schedule("waves", 2), full, there)  # type: ignore[arg-type]
    task = asyncio.create_task(replay.run(requests(4)))
    await wire.settled()
    await wire.finish(0)
    with pytest.raises(OSError, match="disk full"):
        await task
    assert wire.cancelled == [1]


async def test_cancelling_leaves_nothing_open(wire: Wire) -> None:
    run = Run(wire, Schedule("slots", 2), 4)
    await wire.settled()
    run.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run.task
    assert sorted(wire.cancelled) == [0, 1]


def arrivals_in(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


class TestOnTheWire:
    """Against the fake engine's own log of what arrived and how many were open then."""

    @asynccontextmanager
    async def session(self, idle_timeout_s: float = 30.0) -> AsyncIterator[Any]:
        async with open_wire(idle_timeout_s, None) as session:
            yield session

    async def replay(
        self, log: Path, schedule: Schedule, count: int, idle_timeout_s: float = 30.0, **behaviour: Any
    ) -> tuple[list[Exchange], list[dict[str, Any]]]:
        done: list[Exchange] = []
        async with fake_vllm_server(log=log, **behaviour) as (url, _), self.session(idle_timeout_s) as session:
            await Replay(session, url, schedule, done.append, there).run(requests(count))
        return done, arrivals_in(log)

    @pytest.mark.parametrize("form", ["slots", "waves"])
    async def test_no_more_than_the_width_arrives(self, tmp_path: Path, form: Any) -> None:
        done, arrivals = await self.replay(tmp_path / "log", Schedule(form, 3), 10, itl_ms=1)
        assert sorted(exchange.position for exchange in done) == list(range(10))
        assert all(parse_exchange(exchange).ok for exchange in done)
        assert len(arrivals) == 10
        assert max(arrival["in_flight"] for arrival in arrivals) == 3
        if form == "waves":
            # The first of each wave finds an empty engine.
            assert [arrival["in_flight"] for arrival in arrivals] == [1, 2, 3, 1, 2, 3, 1, 2, 3, 1]

    async def test_every_second_request_fails_and_none_is_lost(self, tmp_path: Path) -> None:
        faults: dict[str, Any] = {"faults": frozenset({"http_500"}), "fault_every": 2}
        done, arrivals = await self.replay(tmp_path / "log", Schedule("slots", 1), 6, **faults)
        records = [parse_exchange(exchange) for exchange in done]
        assert [record.ok for record in records] == [True, False] * 3
        assert str(records[1].error).startswith("HTTP 500: EngineCore encountered an issue")
        assert len(arrivals) == 6

    async def test_a_stalled_stream_fails_alone(self, tmp_path: Path) -> None:
        faults: dict[str, Any] = {"faults": frozenset({"stall"}), "fault_every": 3}
        done, _ = await self.replay(tmp_path / "log", Schedule("slots", 1), 4, idle_timeout_s=0.3, **faults)
        errors = [parse_exchange(exchange).error for exchange in done]
        assert [error is not None for error in errors] == [False, False, True, False]
        assert "idle time-out" in str(errors[2])

    async def test_an_engine_that_dies_midway_keeps_what_was_finished(self) -> None:
        done: list[Exchange] = []
        with engine_process(fault="die_midway", die_after=3) as engine:
            engine.wait_until_bound()

            async def gone() -> str | None:
                await until(lambda: engine.process.poll() is not None, "the engine has died")
                return "it died"

            async with self.session() as session:
                with pytest.raises(EngineGoneError, match="it died"):
                    await Replay(session, engine.url, Schedule("slots", 1), done.append, gone).run(requests(8))
        assert [exchange.position for exchange in done] == [0, 1, 2]


async def test_the_loops_lag_is_sampled(wire: Wire) -> None:
    run = Run(wire, Schedule("slots", 1), 1)
    await wire.settled()
    await until(lambda: len(run.replay.stats.loop_lag_ns) >= 2, "two samples")
    await wire.finish(0)
    assert min((await run.task).loop_lag_ns) >= 0
