"""What the Demo page's link asks for, and the links that it offers. Pure.

`experiment` is a number or `latest`, `step` a slide from 1, `play` the seconds that each slide stands, `kiosk=1` hides
the menu, `texts=none` leaves the slide out that has a prompt and its answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.experiment.kinds import KINDS
from app.views.wording import in_opening_order
from store.tables import ExperimentRow

LATEST, NO_TEXTS = "latest", "none"
FASTEST_S, SLOWEST_S = 3, 600
PACE_S = 12
"""Seconds for a slide on a wall: long enough to read the fullest one twice."""


@dataclass(frozen=True)
class Link:
    """`experiment` is None for the latest one; `play_s` None stands still; `problem` is what could not be read."""

    experiment: int | None = None
    step: int = 1
    play_s: int | None = None
    kiosk: bool = False
    problem: str = ""
    texts: bool = True

    def query(self) -> dict[str, str]:
        found = {"experiment": LATEST if self.experiment is None else str(self.experiment)}
        found |= {"step": str(self.step)} if self.step > 1 else {}
        found |= {} if self.play_s is None else {"play": str(self.play_s)}
        found |= {"kiosk": "1"} if self.kiosk else {}
        return found if self.texts else found | {"texts": NO_TEXTS}


def read_link(query: Mapping[str, str]) -> Link:
    """What cannot be read is left at its default and told in `problem`."""
    problems = []
    experiment = _whole(query.get("experiment", LATEST))
    if experiment is None and query.get("experiment", LATEST) != LATEST:
        problems.append("experiment is a number or latest")
    step = _whole(query.get("step", "1"))
    if not step:
        problems.append("step is a slide's number, from 1")
    play = None if "play" not in query else _whole(query["play"])
    if "play" in query and (play is None or not FASTEST_S <= play <= SLOWEST_S):
        problems.append(f"play is a number of seconds from {FASTEST_S} to {SLOWEST_S}")
        play = None
    if query.get("texts", NO_TEXTS) != NO_TEXTS:
        problems.append(f"texts is {NO_TEXTS}, or left out")
    texts = query.get("texts") != NO_TEXTS
    return Link(experiment, step or 1, play, query.get("kiosk") == "1", "; ".join(problems), texts)


def shown(experiments: Sequence[ExperimentRow]) -> list[ExperimentRow]:
    """Those that can be walked through, given newest first: as pages open them."""
    return in_opening_order([row for row in experiments if row.status == "done" and row.kind in KINDS])


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
