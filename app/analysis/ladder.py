"""The ladder: rungs of an experiment beside their baseline, ready for tables, charts and JSON. Pure.

Rung 0 is the baseline. A later rung with the same recipe is the A/A check: it gives the noise floor and is
compared like any other, but no rung is measured against it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.analysis.agreement import agreement
from app.analysis.article import CLAIMS, SPOKEN, Claim
from app.analysis.compare import Comparison, Difference, RungData, compare, noise_floor, without_cause
from app.analysis.metric import METRICS
from app.analysis.quality import quality_interval
from app.analysis.statistics import Interval
from optimizers.recipe import Recipe
from optimizers.registry import techniques

NUMBER = re.compile(r"\d+")


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
class RungResult:
    """One row of the ladder. Ratios are multiples of the baseline (`cost`) or of the rung before (`step`).

    `step_quality` is what the step did to the answers, None for the baseline; against the baseline that stands in
    `comparison`. Its `verdict` is a word of its own: what is cheaper can still answer worse.
    """

    rung: int
    label: str
    adds: str | None
    schedule: str
    run_ids: tuple[int, ...]
    status: str
    metrics: Mapping[str, Any]
    cost: float | None
    cost_interval: Interval | None
    step: float | None
    step_interval: Interval | None
    step_verdict: str
    comparison: Comparison
    step_quality: Difference | None
    quality_interval: Interval | None
    evidence: tuple[Mapping[str, Any], ...]
    suspect: tuple[str, ...]
    errors: int
    requests: int
    claim: Claim | None
    spoken_claim: str
    is_again: bool = False

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
        """Percent of answers that equal those of the rung before."""
        return self._percent("step_same_output")

    @property
    def quality(self) -> Difference | None:
        """What became of the answers since the baseline; None for the baseline and without expected answers."""
        return None if self.step_quality is None else _known_quality(self.comparison)

    def _percent(self, tag: str) -> float | None:
        value: float | None = self.metrics[tag]
        return value


@dataclass(frozen=True)
class Ladder:
    rungs: tuple[RungResult, ...]
    noise: Mapping[str, float] = field(default_factory=dict)
    """The noise floor by metric, in the unit of its differences; empty when no rung repeats the baseline."""


def build_ladder(rungs: Sequence[RungRuns]) -> Ladder:
    """Rungs without a finished run keep their place, with empty metrics."""
    if not rungs:
        return Ladder(())
    baseline = rungs[0]
    again = next((rung for rung in rungs[1:] if rung.recipe == baseline.recipe), None)
    noise = noise_floor(baseline.data, again.data) if again and _measured(again) and _measured(baseline) else {}
    results: list[RungResult] = []
    before = baseline
    for rung in rungs:
        is_again = rung is again
        results.append(_result(rung, baseline, before, noise if not is_again else {}, is_again))
        if not is_again:
            before = rung
    return Ladder(tuple(results), noise)


def pooled_metrics(summaries: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Each metric as the mean over repeats, statistic by statistic; None where no repeat has it."""
    parts = [summary["metrics"] for summary in summaries if summary]
    pooled: dict[str, Any] = {}
    for metric in METRICS:
        values = [part.get(metric.tag) for part in parts]
        if metric.distribution:
            names = ("mean", "p50", "p95", "p99")
            pooled[metric.tag] = {name: _mean([(value or {}).get(name) for value in values]) for name in names}
        else:
            pooled[metric.tag] = _mean(values)
    return pooled


def _result(
    rung: RungRuns, baseline: RungRuns, before: RungRuns, noise: Mapping[str, float], is_again: bool
) -> RungResult:
    metrics = pooled_metrics(rung.summaries)
    adds = _added(before.recipe, rung.recipe)
    whole = compare(baseline.data, rung.data, noise)
    step = compare(before.data, rung.data, noise)
    cost, cost_interval = (1.0, None) if rung is baseline and _measured(rung) else _factor(whole)
    step_cost, step_interval = (None, None) if rung is baseline else _factor(step)
    metrics["relative_cost"] = cost
    metrics |= _agreements(rung, baseline, before)
    summaries = [summary for summary in rung.summaries if summary]
    found = _with_identical(_merged_evidence(summaries), adds, metrics["step_same_output"])
    suspect = _merged_suspicions(summaries)
    idle = {item["technique"] for item in found if item["took_effect"] is False}
    if adds in idle and step.verdict == "better":
        suspect = (*suspect, f"it cost {1 - (step_cost or 1):.0%} less although nothing shows that {adds} took effect")
        step = without_cause(step)
    if idle and idle == {use.key for use in rung.recipe.uses}:
        whole = without_cause(whole)
    return RungResult(
        rung=rung.rung,
        label=rung.label,
        adds=adds,
        schedule=rung.schedule,
        run_ids=rung.run_ids,
        status=_status(rung.statuses),
        metrics=metrics,
        cost=cost,
        cost_interval=cost_interval,
        step=step_cost,
        step_interval=step_interval,
        step_verdict="baseline" if rung is baseline else step.verdict,
        comparison=whole,
        step_quality=None if rung is baseline else _known_quality(step),
        quality_interval=quality_interval(metrics["quality"], len(rung.data.expected)),
        evidence=found,
        suspect=suspect,
        errors=sum(summary["errors"] for summary in summaries),
        requests=sum(summary["requests"] for summary in summaries),
        claim=CLAIMS.get(adds or ""),
        spoken_claim=SPOKEN.get(adds or "", ""),
        is_again=is_again,
    )


def _added(before: Recipe, after: Recipe) -> str | None:
    """The technique that a rung adds to the one before, or None when it adds none or several."""
    new = [use.key for use in after.uses if before.settings_of(use.key) is None]
    return new[0] if len(new) == 1 else None


def _factor(comparison: Comparison) -> tuple[float | None, Interval | None]:
    cost: Difference | None = comparison.differences.get("relative_cost")
    if cost is None or cost.delta is None:
        return None, None
    shifted = None if cost.interval is None else Interval(1 + cost.interval.low, 1 + cost.interval.high)
    return 1 + cost.delta, shifted


def _measured(rung: RungRuns) -> bool:
    return rung.data.answered > 0


def _agreements(rung: RungRuns, baseline: RungRuns, before: RungRuns) -> dict[str, float | None]:
    """The metrics that set a rung's answers beside another rung's."""
    if rung is baseline:
        return {}
    whole, step = (agreement(side.data.texts, rung.data.texts) for side in (baseline, before))
    return {
        "same_output": whole.identical if whole else None,
        "similarity": whole.similarity if whole else None,
        "step_same_output": step.identical if step else None,
    }


def _known_quality(comparison: Comparison) -> Difference | None:
    found = comparison.differences.get("quality")
    return None if found is None or found.delta is None else found


def _with_identical(
    evidence: Sequence[Mapping[str, Any]], adds: str | None, share: float | None
) -> tuple[Mapping[str, Any], ...]:
    """A technique that claims identical output is held to it where the step adds it."""
    claiming = {technique.key for technique in techniques().all() if technique.claims_identical_output}
    if share is None or adds not in claiming:
        return tuple(evidence)
    said = f"{share:.1f} % of answers identical to the rung before"
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


def _merged_evidence(summaries: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The evidence of the first repeat; a technique counts as in effect only if it was in every repeat."""
    if not summaries:
        return ()
    merged = []
    for item in summaries[0]["evidence"]:
        seen = [e["took_effect"] for s in summaries for e in s["evidence"] if e["technique"] == item["technique"]]
        effect = False if False in seen else None if None in seen else True
        merged.append({**item, "took_effect": effect})
    return tuple(merged)


def _merged_suspicions(summaries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Each reason once, where repeats differ only in their figures: with those of the worst."""
    worst: dict[str, str] = {}
    for reason in (reason for summary in summaries for reason in summary["suspect"]):
        kind = NUMBER.sub("#", reason)
        worst[kind] = max(worst.get(kind, reason), reason, key=lambda text: [int(n) for n in NUMBER.findall(text)])
    return tuple(worst.values())


def _status(statuses: Sequence[str]) -> str:
    if all(status == "done" for status in statuses):
        return "done"
    for status in ("failed", "running", "interrupted", "cancelled"):
        if status in statuses:
            return status
    return "running" if "done" in statuses else "queued"


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None
