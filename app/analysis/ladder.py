"""The ladder: rungs of an experiment beside their baseline, ready for tables, charts and JSON. Pure.

Rung 0 is the baseline. A later rung with the same recipe is the A/A check: it gives the noise floor and is
compared like any other, but no rung is measured against it. What else a rung is held against depends on the
experiment: the rung before in a cumulative ladder, or the rung with everything on where techniques are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.analysis.agreement import agreement
from app.analysis.article import CLAIMS, SPOKEN, Claim
from app.analysis.cause import Applied, with_causes
from app.analysis.compare import Comparison, Difference, RungData, compare, corrected, noise_floor, without_cause
from app.analysis.factorial import Combination, Effects, find_effects
from app.analysis.pooling import idle_techniques, merged_evidence, merged_suspicions, pooled_metrics, pooled_status
from app.analysis.quality import quality_interval
from app.analysis.statistics import Interval
from optimizers.recipe import Recipe
from optimizers.registry import techniques

Reference = Literal["rung before", "baseline", "everything"]
"""What the rungs of an experiment are held against. With "everything" it is the rung that has most techniques on, and
that one is held against the baseline."""


@dataclass(frozen=True)
class RungRuns:
    """A rung's stored side: its runs' summaries in repeat order, None for a run without one yet."""

    rung: int
    label: str
    recipe: Recipe
    run_ids: tuple[int, ...]
    statuses: tuple[str, ...]
    summaries: tuple[Mapping[str, Any] | None, ...]
    data: RungData
    schedule: str = ""


@dataclass(frozen=True)
class Against:
    """A rung beside the one that it is held against, which `name` names in a sentence. `factor` is its cost as a
    multiple of that rung's. `quality` has a verdict of its own: what is cheaper can still answer worse."""

    rung: int
    name: str
    factor: float | None
    interval: Interval | None
    verdict: str
    quality: Difference | None


@dataclass(frozen=True)
class RungResult:
    """One row of the ladder. `cost` is a multiple of the baseline's; `against` is None for the baseline.

    `adds` is the one technique that it has more than the rung it is held against, None when it has none or several
    more. `is_step` tells the rungs of a cumulative ladder: only there is `against` a step.
    """

    rung: int
    label: str
    techniques: tuple[str, ...]
    adds: str | None
    schedule: str
    run_ids: tuple[int, ...]
    status: str
    metrics: Mapping[str, Any]
    cost: float | None
    cost_interval: Interval | None
    against: Against | None
    is_step: bool
    comparison: Comparison
    quality_interval: Interval | None
    evidence: tuple[Mapping[str, Any], ...]
    suspect: tuple[str, ...]
    errors: int
    requests: int
    claim: Claim | None
    spoken_claim: str
    is_again: bool = False

    @property
    def verdict(self) -> str:
        """On its cost, against the rung that it is held against."""
        return "baseline" if self.against is None else self.against.verdict

    @property
    def step(self) -> float | None:
        """Its cost as a multiple of the rung before; None where rungs are no steps."""
        return self.against.factor if self.against and self.is_step else None

    @property
    def step_interval(self) -> Interval | None:
        return self.against.interval if self.against and self.is_step else None

    @property
    def quality_change(self) -> Difference | None:
        """What became of the answers since the rung that it is held against."""
        return self.against.quality if self.against else None

    @property
    def same_output(self) -> float | None:
        """Percent of answers that equal the baseline's."""
        return self._percent("same_output")

    @property
    def similarity(self) -> float | None:
        """Mean edit similarity with the baseline's answers, in percent."""
        return self._percent("similarity")

    @property
    def step_same_output(self) -> float | None:
        """Percent of answers that equal those of the rung before; None where rungs are no steps."""
        return self._percent("step_same_output")

    @property
    def quality(self) -> Difference | None:
        """What became of the answers since the baseline; None for the baseline and without expected answers."""
        return None if self.against is None else _known_quality(self.comparison)

    def _percent(self, tag: str) -> float | None:
        value: float | None = self.metrics[tag]
        return value


@dataclass(frozen=True)
class Ladder:
    """`noise` is the noise floor by metric, in the unit of its differences; empty when no rung repeats the baseline.

    `effects` are None for a cumulative ladder, whose steps depend on their order.
    """

    rungs: tuple[RungResult, ...]
    noise: Mapping[str, float] = field(default_factory=dict)
    reference: Reference = "rung before"
    effects: Effects | None = None


def build_ladder(rungs: Sequence[RungRuns], reference: Reference = "rung before", repeated: bool = True) -> Ladder:
    """Rungs without a finished run keep their place, with empty metrics. `repeated` tells whether the same recipe again
    is the same measurement again; with imported runs, of which no recipe is known, it is not."""
    if not rungs:
        return Ladder((), reference=reference)
    baseline = rungs[0]
    again = next((rung for rung in rungs[1:] if rung.recipe == baseline.recipe), None) if repeated else None
    noise = noise_floor(baseline.data, again.data) if again and _measured(again) and _measured(baseline) else {}
    everything = max(rungs, key=lambda rung: len(rung.recipe.uses))
    held: list[tuple[RungRuns, str]] = []
    before = baseline
    for rung in rungs:
        if rung is again or reference == "baseline" or (reference == "everything" and rung is everything):
            held.append((baseline, "the baseline"))
        elif reference == "everything":
            held.append((everything, "everything"))
        else:
            held.append((before, "the rung before"))
        if rung is not again:
            before = rung
    floors = [{} if rung is again else noise for rung in rungs]
    whole = _together(
        [compare(baseline.data, rung.data, floor) for rung, floor in zip(rungs, floors, strict=True)],
    )
    beside = _together(
        [
            total if other is baseline else compare(other.data, rung.data, floor)
            for rung, (other, _), floor, total in zip(rungs, held, floors, whole, strict=True)
        ]
    )
    results = [
        _result(rung, baseline, *held[at], whole[at], beside[at], rung is again, is_step=reference == "rung before")
        for at, rung in enumerate(rungs)
    ]
    effects = None
    if reference != "rung before":
        effects = find_effects([_combination(rung) for rung in rungs], noise.get("relative_cost", 0.0))
    return Ladder(tuple(results), noise, reference, effects)


def _together(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Verdicts corrected for the number of rungs and metrics; the baseline with itself is no comparison."""
    return [*comparisons[:1], *corrected(comparisons[1:])]


def _result(
    rung: RungRuns,
    baseline: RungRuns,
    held: RungRuns,
    name: str,
    whole: Comparison,
    beside: Comparison,
    is_again: bool,
    is_step: bool,
) -> RungResult:
    """`held` is the rung that this one is held against, `name` what it is called; `whole` is the comparison with the
    baseline and `beside` that with `held`."""
    metrics = pooled_metrics(rung.summaries)
    gained = tuple(key for key in _keys(rung.recipe) if held.recipe.settings_of(key) is None)
    adds = gained[0] if len(gained) == 1 else None
    cost, cost_interval = whole.cost_factor, whole.cost_interval
    if rung is baseline and _measured(rung):
        cost, cost_interval = 1.0, None
    metrics["relative_cost"] = cost
    same_as_held = None if rung is baseline else agreement(held.data.texts, rung.data.texts)
    metrics |= _agreements(rung, baseline)
    metrics["step_same_output"] = same_as_held.identical if same_as_held and is_step else None
    summaries = [summary for summary in rung.summaries if summary]
    found = _with_identical(merged_evidence(summaries), adds, same_as_held.identical if same_as_held else None, name)
    suspect, against = merged_suspicions(summaries), None
    own = Applied(_keys(rung.recipe), idle_techniques(found))
    if rung is not baseline:
        beside, doubts = with_causes(beside, Applied.read(held.recipe, [s for s in held.summaries if s]), own)
        suspect = (*suspect, *doubts)
        quality = _known_quality(beside)
        against = Against(held.rung, name, beside.cost_factor, beside.cost_interval, beside.verdict, quality)
    if own.on and own.idle.issuperset(own.on):
        whole = without_cause(whole)
    return RungResult(
        rung=rung.rung,
        label=rung.label,
        techniques=own.on,
        adds=adds,
        schedule=rung.schedule,
        run_ids=rung.run_ids,
        status=pooled_status(rung.statuses),
        metrics=metrics,
        cost=cost,
        cost_interval=cost_interval,
        against=against,
        is_step=is_step,
        comparison=whole,
        quality_interval=quality_interval(metrics["quality"], len(rung.data.expected)),
        evidence=found,
        suspect=suspect,
        errors=sum(summary["errors"] for summary in summaries),
        requests=sum(summary["requests"] for summary in summaries),
        claim=CLAIMS.get(adds or "") if is_step else None,
        spoken_claim=SPOKEN.get(adds or "", ""),
        is_again=is_again,
    )


def _combination(rung: RungRuns) -> Combination:
    evidence = merged_evidence([summary for summary in rung.summaries if summary])
    return Combination(_keys(rung.recipe), rung.data, idle_techniques(evidence))


def _keys(recipe: Recipe) -> tuple[str, ...]:
    return tuple(use.key for use in recipe.uses)


def _measured(rung: RungRuns) -> bool:
    return rung.data.answered > 0


def _agreements(rung: RungRuns, baseline: RungRuns) -> dict[str, float | None]:
    """The metrics that set a rung's answers beside the baseline's."""
    if rung is baseline:
        return {}
    found = agreement(baseline.data.texts, rung.data.texts)
    return {"same_output": found.identical if found else None, "similarity": found.similarity if found else None}


def _known_quality(comparison: Comparison) -> Difference | None:
    found = comparison.differences.get("quality")
    return None if found is None or found.delta is None else found


def _with_identical(
    evidence: Sequence[Mapping[str, Any]], adds: str | None, share: float | None, name: str
) -> tuple[Mapping[str, Any], ...]:
    """A technique that claims identical output is held to it where it is all that a rung adds."""
    claiming = {technique.key for technique in techniques().all() if technique.claims_identical_output}
    if share is None or adds not in claiming:
        return tuple(evidence)
    said = f"{share:.1f} % of answers identical to {name}"
    return tuple(
        {
            **item,
            "detail": f"{item['detail']}; {said}",
            "figures": {**item.get("figures", {}), "identical_output": share / 100},
        }
        if item["technique"] == adds
        else item
        for item in evidence
    )
