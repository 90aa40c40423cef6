"""Stored runs -> a baseline and its candidates, compared. What pages, reports and commands read; it draws nothing.

A side is one run, or all finished repeats of one rung: `EXPERIMENT.RUNG`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from typing import Any

from app.analysis.cause import Applied, with_causes
from app.analysis.compare import Comparison, RungData, compare, corrected, not_known
from app.analysis.compare_summaries import compare_summaries
from app.analysis.environment import Changed, beyond_recipe, environment_differences
from app.analysis.per_prompt import PromptPair, prompt_pairs
from app.analysis.pooling import merged_evidence, merged_suspicions, pooled_metrics
from app.analysis.quality import quality_interval
from app.analysis.trade_off import QUALITY, Figure, Point, latency_figures
from app.experiment.results import first_manifest, prompts_of, rung_data
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import load_prompt_set
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.store import Store
from store.tables import RunRow


@dataclass(frozen=True)
class Side:
    """`key` is what people type for it, `name` tells it from the others on a page. `prompts` is what its experiment was
    asked, None where that is not known; `summaries` are in repeat order."""

    key: str
    name: str
    label: str
    experiment_id: int
    run_ids: tuple[int, ...]
    recipe: Recipe
    data: RungData
    manifest: Mapping[str, Any]
    prompts: PromptSet | None
    summaries: tuple[Mapping[str, Any], ...]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Means over repeats; relative metrics are None."""
        return pooled_metrics(self.summaries)

    @cached_property
    def evidence(self) -> tuple[Mapping[str, Any], ...]:
        return merged_evidence(self.summaries)

    @property
    def suspect(self) -> tuple[str, ...]:
        return merged_suspicions(self.summaries)

    @property
    def requests(self) -> int:
        return sum(summary.get("requests", 0) for summary in self.summaries)

    @property
    def errors(self) -> int:
        return sum(summary.get("errors", 0) for summary in self.summaries)

    @property
    def only_summary(self) -> bool:
        """Whether its requests are not known, as of a run that another client measured."""
        return not self.data.positions and self.requests > self.errors

    @cached_property
    def applied(self) -> Applied:
        return Applied.read(self.recipe, self.summaries)


@dataclass(frozen=True)
class Pairing:
    """A candidate beside the baseline. `other_causes` is what differs besides the techniques, and `doubts` what the
    evidence makes of a difference."""

    side: Side
    found: Comparison
    changed: Sequence[Changed]
    other_causes: Sequence[Changed]
    doubts: tuple[str, ...] = ()


def load_side(store: Store, runs: Sequence[RunRow], key: str, name: str, asked: PromptSet | None) -> Side:
    """`runs` are finished repeats of one rung, `asked` the prompts of their experiment."""
    return Side(
        key=key,
        name=name,
        label=runs[0].label,
        experiment_id=runs[0].experiment_id,
        run_ids=tuple(run.id for run in runs),
        recipe=Recipe.from_json(runs[0].recipe),
        data=rung_data(store, list(runs), asked),
        manifest=first_manifest(runs),
        prompts=asked,
        summaries=tuple(run.summary for run in runs if run.summary),
    )


def find_sides(store: Store, keys: Sequence[str]) -> list[Side]:
    """From `12`, a run, or `3.2`, all finished repeats of a rung. Each prompt set is read once for all sides, and no
    two have the same name. Raises InputError where nothing has finished."""
    load = cache(partial(load_prompt_set, store))
    found = [_find_side(store, key, load) for key in keys]
    names = [side.name for side in found]
    return [side if names.count(side.name) == 1 else replace(side, name=f"{side.name} ({side.key})") for side in found]


def find_pairings(store: Store, keys: Sequence[str]) -> tuple[Side, list[Pairing]]:
    """The baseline, which is the first, and each other beside it. Raises InputError as `find_sides` does."""
    before, *others = find_sides(store, keys)
    return before, compare_sides(before, others)


def _find_side(store: Store, key: str, load: Callable[[int, int | None], PromptSet]) -> Side:
    experiment, dot, rung = key.partition(".")
    if not experiment.isdecimal() or (dot and not rung.isdecimal()):
        raise InputError(f"{key!r} is no run: give a run's number, or EXPERIMENT.RUNG, as in 3.2")
    if not dot:
        run = store.runs.get(int(key))
        if run.status != "done":
            raise InputError(f"run {run.id} is {run.status}; only finished runs can be compared")
        return load_side(store, [run], key, f"Run {key}", prompts_of(store, run.experiment_id, load))
    store.experiments.get(int(experiment))
    runs = [run for run in store.runs.of_experiment(int(experiment)) if run.rung == int(rung)]
    done = [run for run in runs if run.status == "done"]
    if not done:
        lacking = "finished run of rung" if runs else "rung"
        raise InputError(f"{key}: experiment {experiment} has no {lacking} {rung}")
    asked = prompts_of(store, int(experiment), load)
    return load_side(store, done, key, f"{experiment} · {done[0].label}", asked)


def pair(before: Side, after: Side) -> Pairing:
    """One candidate alone: its verdicts are not corrected yet, nor held to the evidence; `settled` does both."""
    if before.only_summary or after.only_summary:
        found = compare_summaries(_summary(before), _summary(after), (before.data, after.data))
    else:
        found = compare(before.data, after.data)
    unknown = not_known(before.data, after.data)
    return Pairing(
        after,
        found if unknown is None else replace(found, reason=f"{found.reason}; {unknown}"),
        environment_differences(before.manifest, after.manifest),
        beyond_recipe(before.manifest, after.manifest),
    )


def settled(before: Side, pairings: Sequence[Pairing]) -> list[Pairing]:
    """With verdicts that hold together: corrected for their number, and none better than the evidence allows. Where
    more than techniques differs, the evidence tells nothing of the cause."""
    found = []
    for pairing, comparison in zip(pairings, corrected([each.found for each in pairings]), strict=True):
        held: tuple[Comparison, tuple[str, ...]] = (comparison, ())
        if not pairing.other_causes:
            held = with_causes(comparison, before.applied, pairing.side.applied)
        found.append(replace(pairing, found=held[0], doubts=held[1]))
    return found


def compare_sides(before: Side, others: Sequence[Side]) -> list[Pairing]:
    return settled(before, [pair(before, after) for after in others])


def pairs_of(before: Side, pairing: Pairing) -> list[PromptPair]:
    """Prompt by prompt, the worst regression first; empty where the sides cannot be compared."""
    return prompt_pairs(before.data, pairing.side.data) if pairing.found.differences else []


def trade_off_point(side: Side, pairing: Pairing | None) -> Point:
    """`pairing` is None for the baseline, whose cost is 1."""
    figures = latency_figures(side.data)
    cost = _cost(pairing)
    if cost is not None:
        figures["cost"] = cost
    quality = side.metrics.get(QUALITY)
    if quality is not None:
        figures[QUALITY] = Figure(quality, quality_interval(quality, len(side.data.expected)))
    return Point(side.name, figures, side.key)


def _cost(pairing: Pairing | None) -> Figure | None:
    if pairing is None:
        return Figure(1.0)
    factor = pairing.found.cost_factor
    return None if factor is None else Figure(factor, pairing.found.cost_interval)


def _summary(side: Side) -> Mapping[str, Any]:
    return side.summaries[0] if side.summaries else {}
