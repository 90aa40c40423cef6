"""What each technique is worth beside others, from the costs of several combinations of techniques. Pure.

c(S) is the hardware time for each answered request with the techniques S on, and N are all techniques. Effects are
differences of log costs, so they are told as factors, and below 1 is cheaper:

- alone: c({i}) / c({});
- without: c(N less i) / c(N), what leaving i out costs when everything else is on;
- the interaction of i and j: log c(ij) - log c(i) - log c(j) + log c({}), the contrast of a 2 x 2 factorial with every
  other technique off. Its factor is 1 when the two savings multiply, above 1 when together they save less than that.
  Source: Box, Hunter and Hunter, Statistics for Experimenters, chapter 5; on log cost, as savings multiply;
- the share of i: its Shapley value of the saving v(S) = log c({}) - log c(S), in percent of v(N): what adding i saves,
  averaged over every order in which the techniques can be added. Shares add up to 100 %; one that costs has a negative
  share. Source: Shapley (1953), A value for n-person games.

What was measured decides what can be said: each effect needs its own combinations, a share needs all 2^n of them.
`alone` and `without` are plain comparisons of two rungs; an interaction has its interval as they have, over four, and
shares have theirs from draws of repeats and of prompts, the same prompts for every combination. Verdicts are corrected
for their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import factorial

import numpy as np
from numpy.typing import NDArray

from app.analysis.compare import (
    MAX_CHANCE,
    MEASURES,
    RungData,
    Verdict,
    as_change,
    difference,
    not_comparable,
    paired_matrices,
    verdict_on,
)
from app.analysis.resampling import Matrix
from app.analysis.statistics import Interval, adjusted, contrast, log_draws, percentile_interval

COST = "relative_cost"
CLEAR = ("better", "worse")
Keys = frozenset[str]
Logs = NDArray[np.float64]
"""Log costs: the measured one first, after it those of the bootstrap's draws, if any."""


@dataclass(frozen=True)
class Combination:
    """The techniques that are on, what was measured of them, and which of them did nothing by their evidence."""

    techniques: tuple[str, ...]
    data: RungData
    idle: frozenset[str] = frozenset()

    @property
    def keys(self) -> Keys:
        return frozenset(self.techniques)


@dataclass(frozen=True)
class Effect:
    """`verdict` is on what the factor tells of: adding a technique, leaving it out, or two beside each other."""

    techniques: tuple[str, ...]
    factor: float
    interval: Interval | None
    verdict: Verdict
    chance: float | None = None


@dataclass(frozen=True)
class Share:
    """`idle` counts the combinations in which the technique is on and is seen to do nothing."""

    technique: str
    percent: float
    interval: Interval | None
    idle: int = 0


@dataclass(frozen=True)
class Effects:
    """`total` is everything beside the baseline. `no_shares` says why there are no shares although every combination
    is part of the experiment."""

    alone: tuple[Effect, ...] = ()
    without: tuple[Effect, ...] = ()
    interactions: tuple[Effect, ...] = ()
    shares: tuple[Share, ...] = ()
    total: Effect | None = None
    no_shares: str = ""


def find_effects(planned: Sequence[Combination], noise: float = 0.0) -> Effects:
    """`planned` are the experiment's combinations, measured or not; the first of equal ones counts. `noise` is the
    noise floor of the cost."""
    order = tuple(dict.fromkeys(key for each in planned for key in each.techniques))
    nothing, everything = frozenset[str](), frozenset(order)
    measured = _measured(planned)
    matrices = _cost_matrices(measured)
    logs = _log_costs(matrices)
    total = _change(measured, nothing, everything, order, noise)
    shares, no_shares = _shares(order, {each.keys for each in planned}, measured, logs, total)
    alone = _found(_change(measured, nothing, frozenset({key}), (key,), noise) for key in order)
    without = _found(_change(measured, everything, everything - {key}, (key,), noise) for key in order)
    pairs = _found(_interaction(measured, matrices, pair, noise) for pair in combinations(order, 2))
    judged = _corrected([*alone, *without, *pairs])
    return Effects(
        alone=judged[: len(alone)],
        without=judged[len(alone) : len(alone) + len(without)],
        interactions=judged[len(alone) + len(without) :],
        shares=shares,
        total=total,
        no_shares=no_shares,
    )


def _corrected(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """Verdicts that hold together, as `compare.corrected` does it."""
    chances = adjusted([effect.chance for effect in effects])
    return tuple(
        effect if chance is not None and chance <= MAX_CHANCE else replace(effect, verdict="no clear change")
        for effect, chance in zip(effects, chances, strict=True)
    )


def shapley(saved: Mapping[Keys, Logs], techniques: Sequence[str]) -> dict[str, Logs]:
    """Each technique's Shapley value of `saved`, which has every subset of them."""
    count = len(techniques)
    values = {}
    for key in techniques:
        others = [other for other in techniques if other != key]
        value: Logs = np.zeros_like(saved[frozenset()])
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for chosen in combinations(others, size):
                before = frozenset(chosen)
                value = value + weight * (saved[before | {key}] - saved[before])
        values[key] = value
    return values


def _measured(planned: Sequence[Combination]) -> dict[Keys, Combination]:
    """What can be set beside the baseline; nothing while there is no baseline."""
    found: dict[Keys, Combination] = {}
    for each in planned:
        if each.data.answered:
            found.setdefault(each.keys, each)
    baseline = found.get(frozenset())
    if baseline is None:
        return {}
    return {keys: each for keys, each in found.items() if not_comparable(baseline.data, each.data) is None}


def _cost_matrices(measured: Mapping[Keys, Combination]) -> dict[Keys, Matrix]:
    """Empty when no prompt was answered with every combination."""
    matrices = paired_matrices(COST, [each.data for each in measured.values()]) if measured else []
    return dict(zip(measured, matrices, strict=True)) if matrices else {}


def _log_costs(matrices: Mapping[Keys, Matrix]) -> dict[Keys, Logs]:
    if not matrices:
        return {}
    statistic = MEASURES[COST].statistic
    draws = log_draws([*matrices.values()], statistic) or [np.empty(0)] * len(matrices)
    both = zip(matrices.items(), draws, strict=True)
    return {keys: np.concatenate([np.log(statistic(matrix[None])), drawn]) for (keys, matrix), drawn in both}


def _change(
    measured: Mapping[Keys, Combination], before: Keys, after: Keys, techniques: tuple[str, ...], noise: float
) -> Effect | None:
    """The cost after the change as a multiple of that before it; None when one of them was not measured."""
    if before == after or before not in measured or after not in measured:
        return None
    found = difference(COST, measured[before].data, measured[after].data, noise)
    if found.factor is None:
        return None
    effect = Effect(techniques, found.factor, found.factor_interval, found.verdict, found.chance)
    switched_on = before < after
    idle = (before ^ after) <= measured[after if switched_on else before].idle
    # A saving needs a cause; see compare.without_cause.
    unfounded = idle and effect.verdict == ("better" if switched_on else "worse")
    return replace(effect, verdict="no clear change") if unfounded else effect


def _interaction(
    measured: Mapping[Keys, Combination], matrices: Mapping[Keys, Matrix], pair: tuple[str, str], noise: float
) -> Effect | None:
    both, first, second = frozenset(pair), frozenset(pair[:1]), frozenset(pair[1:])
    corners = (both, first, second, frozenset[str]())
    if not {*corners} <= matrices.keys():
        return None
    statistic, weights = MEASURES[COST].statistic, (1, -1, -1, 1)
    sides = [matrices[corner] for corner in corners]
    logs = [np.log(statistic(side[None])[0]) for side in sides]
    factor = float(np.exp(np.dot(weights, logs)))
    change, chance = as_change(contrast(sides, weights, statistic))
    span = None if change is None else change.shifted(1.0)
    # Where one of the two did nothing, there was nothing for the other to meet.
    idle = bool(both & measured[both].idle)
    verdict = "no clear change" if idle else verdict_on(COST, factor - 1, change, noise)
    return Effect(pair, factor, span, verdict, chance)


def _shares(
    order: tuple[str, ...],
    planned: set[Keys],
    measured: Mapping[Keys, Combination],
    logs: Mapping[Keys, Logs],
    total: Effect | None,
) -> tuple[tuple[Share, ...], str]:
    """The shares, or why there are none."""
    wanted = 2 ** len(order)
    if len(order) < 2 or len(planned) < wanted:
        return (), ""
    if len(logs) < wanted or total is None:
        return (), f"{len(logs)} of {wanted} combinations can be compared so far"
    if total.verdict not in CLEAR:
        return (), "everything together is no clear change from the baseline, and a share of nothing means nothing"
    nothing, everything = frozenset[str](), frozenset(order)
    saved = {keys: logs[nothing] - log for keys, log in logs.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        percents = {key: 100 * value / saved[everything] for key, value in shapley(saved, order).items()}
    idle = {key: sum(key in each.idle for each in measured.values()) for key in order}
    found = [Share(key, float(each[0]), percentile_interval(each[1:]), idle[key]) for key, each in percents.items()]
    return tuple(found), ""


def _found(effects: Iterable[Effect | None]) -> tuple[Effect, ...]:
    return tuple(effect for effect in effects if effect is not None)
