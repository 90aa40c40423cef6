"""Load profiles and the schedules they become. Pure; does not send anything (runner.py does).

The load profile says what users do, the recipe says how they are served. Where a recipe leaves continuous
batching out, `unbatched` names the baseline that stands in for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from optimizers.errors import InputError
from optimizers.technique import ScheduleChange

Kind = Literal["closed_loop", "static_batches"]
Unbatched = Literal["one_by_one", "static", "as_sent"]


@dataclass(frozen=True)
class LoadProfile:
    """`concurrency` is the number of requests in flight (closed loop) or in a wave (static batches).

    `unbatched` is what happens to recipes without continuous batching: "one_by_one", "static" (waves of
    `concurrency`), or "as_sent" (the profile is kept as it is).
    """

    kind: Kind = "closed_loop"
    concurrency: int = 8
    unbatched: Unbatched = "as_sent"

    def __post_init__(self) -> None:
        if not 1 <= self.concurrency <= 4096:
            raise InputError(f"the concurrency is {self.concurrency}; give a whole number from 1 to 4096")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> LoadProfile:
        return LoadProfile(document["kind"], document["concurrency"], document["unbatched"])


@dataclass(frozen=True)
class Schedule:
    """How requests leave the client. "slots": `width` users, each sends when its last request has finished.
    "waves": `width` requests at a time, the next wave when the whole former wave has finished."""

    form: Literal["slots", "waves"]
    width: int

    @property
    def title(self) -> str:
        if self.width == 1:
            return "one by one"
        return f"{self.width} in flight" if self.form == "slots" else f"static batches of {self.width}"


def plan_schedule(load: LoadProfile, change: ScheduleChange) -> Schedule:
    """The schedule of one run: the load profile as the recipe's techniques alter it."""
    form: Literal["slots", "waves"] = "slots" if load.kind == "closed_loop" else "waves"
    if change.batched is False and load.unbatched == "one_by_one":
        return Schedule("slots", 1)
    if change.batched is False and load.unbatched == "static":
        return Schedule("waves", load.concurrency)
    return Schedule(form, load.concurrency)
