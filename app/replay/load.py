"""Load profiles and the schedules they become. Pure; does not send anything (runner.py does).

The load profile says what users do, the recipe says how they are served. Where a recipe leaves continuous
batching out, `unbatched` names the baseline that stands in for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any, Literal

from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.technique import ScheduleChange

Kind = Literal["closed_loop", "static_batches", "constant_rate", "poisson", "as_recorded"]
Unbatched = Literal["one_by_one", "static", "as_sent"]
History = Literal["live", "saved"]
RATED = ("constant_rate", "poisson")
OPEN = (*RATED, "as_recorded")
MAX_RATE = 100_000.0


@dataclass(frozen=True)
class LoadProfile:
    """What users do.

    closed_loop: `concurrency` users, each sends when the last request has been answered. static_batches: waves of
    `concurrency`. constant_rate and poisson: `rate` requests/s, the second with exponential gaps drawn by `seed`.
    as_recorded: at the prompts' own times, `speed` times as fast. The last three are open loops: requests leave by
    the clock, however slow the answers are.

    `unbatched` is what happens to recipes without continuous batching: "one_by_one", "static" (waves of
    `concurrency`), or "as_sent" (the profile is kept as it is). In an open loop the first two queue in the client what
    is due and cannot be sent, and a request's latency still counts from when it was due.

    `history` is what stands in a conversation for its earlier answers: "live" what the engine answered in this run,
    "saved" what was saved.
    """

    kind: Kind = "closed_loop"
    concurrency: int = 8
    unbatched: Unbatched = "as_sent"
    rate: float | None = None
    speed: float = 1.0
    seed: int = 0
    history: History = "live"

    def __post_init__(self) -> None:
        if not 1 <= self.concurrency <= 4096:
            raise InputError(f"the concurrency is {self.concurrency}; give a whole number from 1 to 4096")
        if self.kind in RATED and (self.rate is None or not 0 < self.rate <= MAX_RATE):
            raise InputError(f"the rate is {self.rate} requests a second; give more than 0, at most {MAX_RATE:,.0f}")
        if not 0 < self.speed < math.inf:
            raise InputError(f"the speed is {self.speed}; give more than 0, 1 for as recorded")

    @property
    def is_open(self) -> bool:
        return self.kind in OPEN

    def of_repeat(self, repeat: int) -> LoadProfile:
        """Arrivals vary between repeats, as they do between days, and are the same for every recipe of a repeat."""
        return replace(self, seed=self.seed + repeat)

    def to_json(self) -> dict[str, Any]:
        """Without what this kind of load does not have."""
        idle = {
            *(("rate",) if self.kind not in RATED else ()),
            *(("speed",) if self.kind != "as_recorded" else ()),
            *(("seed",) if self.kind != "poisson" else ()),
        }
        return {name: value for name, value in asdict(self).items() if name not in idle}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> LoadProfile:
        """Profiles stored before a field was there had saved histories and no rate."""
        return LoadProfile(**{"history": "saved", **document})


@dataclass(frozen=True)
class Schedule:
    """How requests leave the client.

    "slots": at most `width` in flight, each place is taken again when its request has finished. "waves": `width`
    requests at a time, the next wave when the whole former wave has finished. `due_s` has the second, from the start,
    at which each prompt of the set is due, by its position; empty where a request is due when there is room for it.
    """

    form: Literal["slots", "waves"]
    width: int
    due_s: tuple[float, ...] = ()
    timed: str = ""
    """How `due_s` came about, in words."""

    @property
    def title(self) -> str:
        room = "one by one" if self.width == 1 else f"static batches of {self.width}"
        if self.form == "slots" and self.width > 1:
            room = f"{self.width} in flight"
        if not self.due_s:
            return room
        return self.timed if self.form == "slots" and self.width >= len(self.due_s) else f"{self.timed}, {room}"


def plan_schedule(load: LoadProfile, change: ScheduleChange, prompts: Sequence[Prompt] = ()) -> Schedule:
    """The schedule of one run: the load profile as the recipe's techniques alter it.

    Raises InputError where prompts are to be sent as recorded and one has no recorded time.
    """
    due_s, timed = timetable(load, prompts) if load.is_open else ((), "")
    if change.batched is False and load.unbatched == "one_by_one":
        return Schedule("slots", 1, due_s, timed)
    if change.batched is False and load.unbatched == "static":
        return Schedule("waves", load.concurrency, due_s, timed)
    if load.is_open:
        return Schedule("slots", max(1, len(due_s)), due_s, timed)
    return Schedule("slots" if load.kind == "closed_loop" else "waves", load.concurrency)


def timetable(load: LoadProfile, prompts: Sequence[Prompt]) -> tuple[tuple[float, ...], str]:
    """When each prompt is due in an open loop, in seconds from the start, and that in words.

    A Poisson process has exponential gaps of mean 1 / rate, so arrivals of many independent users; the first is due
    at 0. The same seed gives the same times for every recipe, so runs are paired.
    """
    if load.kind == "as_recorded":
        return _recorded(load.speed, prompts)
    assert load.rate is not None
    if load.kind == "constant_rate":
        return tuple(at / load.rate for at in range(len(prompts))), f"{load.rate:g} requests/s"
    random, due, times = Random(load.seed), 0.0, []
    for _ in prompts:
        times.append(due)
        due += random.expovariate(load.rate)
    return tuple(times), f"{load.rate:g} requests/s, Poisson"


def _recorded(speed: float, prompts: Sequence[Prompt]) -> tuple[tuple[float, ...], str]:
    times = [prompt.arrival_s for prompt in prompts]
    missing = next((prompt.id for prompt, at in zip(prompts, times, strict=True) if at is None), None)
    if missing is not None:
        raise InputError(
            f"prompt {missing} has no recorded time, so it cannot be sent as recorded; give each prompt an "
            '"arrival_s", or choose a rate'
        )
    known = [at for at in times if at is not None]
    first = min(known, default=0.0)
    said = "as recorded" if speed == 1 else f"as recorded, {speed:g} times as fast"
    return tuple((at - first) / speed for at in known), said
