"""The loads of a sweep as people list them, and the rungs that they become. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from app.experiment.spec import Rung
from app.replay.load import History, LoadProfile, plan_schedule
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe

KIND = "sweep"
MANY = 50
Varied = Literal["closed_loop", "poisson", "constant_rate"]
"""The kind of load whose size grows: requests in flight of a closed loop, requests/s of the others."""


def sweep_loads(
    varied: Varied, listed: str, where: str, history: History = "live", seed: int = 0
) -> tuple[LoadProfile, ...]:
    """One profile for each number in `listed`, by growing load. Raises InputError that begins with `where`."""
    values = _numbers(listed, where)
    if varied != "closed_loop":
        return tuple(LoadProfile(varied, rate=value, history=history, seed=seed) for value in values)
    broken = next((value for value in values if value != int(value)), None)
    if broken is not None:
        raise InputError(f"{where} {broken:g}: give whole numbers")
    return tuple(LoadProfile(varied, int(value), history=history, seed=seed) for value in values)


def sweep_rungs(recipe: Recipe, loads: Sequence[LoadProfile], prompts: Sequence[Prompt]) -> tuple[Rung, ...]:
    return tuple(Rung(plan_schedule(load, recipe.schedule(), prompts).title, recipe, load) for load in loads)


def _numbers(listed: str, where: str) -> list[float]:
    texts = [text.strip() for text in listed.split(",") if text.strip()]
    try:
        values = sorted({float(text) for text in texts})
    except ValueError:
        raise InputError(f"{where} {listed}: give numbers with commas between them, for instance 1,2,4,8") from None
    if not values or len(values) > MANY or not all(map(math.isfinite, values)):
        raise InputError(f"{where} {listed}: give one to {MANY} numbers with commas between them")
    return values
