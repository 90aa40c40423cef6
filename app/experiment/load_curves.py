"""Reads finished runs' summaries into load curves: a sweep is a curve of several loads, any other rung a single load.

Requests are never read, so that a store of a million of them answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import isfinite
from typing import Any

from app.analysis.load_curve import STATISTICS, LoadCurve, RunPoint
from app.analysis.summary import LATENCIES
from app.experiment.kinds import opening_rank
from app.experiment.results import first_manifest
from app.experiment.spec import ExperimentSpec
from app.replay.load import OPEN
from app.words import count_of, title_of
from optimizers.errors import InputError
from store.imports import IMPORTED
from store.runs import FinishedRung
from store.store import Store
from store.tables import RunRow

SWEEP = "sweep"
CACHING = "prefix_caching"
MOST_COUNTERPARTS = 12


@dataclass(frozen=True)
class CurveChoice:
    """A curve that can be asked for: "12" is sweep 12, "3.2" rung 2 of experiment 3."""

    key: str
    title: str
    recipe: tuple[Mapping[str, Any], ...]
    is_sweep: bool
    is_recorded: bool = False

    @property
    def techniques(self) -> tuple[str, ...]:
        return tuple(str(use["technique"]) for use in self.recipe)


def curve_choices(store: Store) -> list[CurveChoice]:
    """Everything with a finished run: one's own first, sweeps before others, then as pages open experiments, the newest
    first. What was measured elsewhere says so in its title."""
    recorded = store.recordings.numbers()
    found: list[tuple[tuple[bool, bool, int], CurveChoice]] = []
    for experiment_id, rungs in groupby(store.runs.finished_rungs(), key=lambda rung: rung.experiment_id):
        listed, elsewhere = list(rungs), experiment_id in recorded
        kind = listed[0].kind
        mark = " (recorded)" if elsewhere else " (imported)" if kind == IMPORTED else ""
        choices = [_sweep(experiment_id, listed)] if kind == SWEEP else [_point(rung) for rung in listed]
        place = elsewhere, kind != SWEEP, opening_rank(kind, elsewhere)
        found += [(place, replace(choice, title=choice.title + mark, is_recorded=elsewhere)) for choice in choices]
    return [choice for _, choice in sorted(found, key=lambda each: each[0])]


def opening_choices(choices: Sequence[CurveChoice]) -> list[CurveChoice]:
    """Those that one begins with: one's own, or what was recorded elsewhere while there are none."""
    return [each for each in choices if not each.is_recorded] or list(choices)


def default_pair(offered: Sequence[CurveChoice]) -> tuple[str, str]:
    """The keys to begin with: of the newest sweep that has some techniques more than another, the other and it; without
    such a pair, an experiment's baseline and its last rung. "" where there is none."""
    choices = opening_choices(offered)
    sweeps = [each for each in choices if each.is_sweep]
    for changed in sweeps:
        for plain in sweeps:
            if set(plain.techniques) < set(changed.techniques):
                return plain.key, changed.key
    if sweeps:
        return sweeps[0].key, ""
    if not choices:
        return "", ""
    own = [each for each in choices if each.key.partition(".")[0] == choices[0].key.partition(".")[0]]
    first = next((each for each in own if not each.recipe), own[0])
    last = own[-1]
    return first.key, last.key if last.recipe and last is not first else ""


def load_curve(store: Store, choice: CurveChoice) -> LoadCurve:
    """Raises InputError when none of its runs has a throughput and a latency."""
    experiment_id, _, rung = choice.key.partition(".")
    rows = [run for run in store.runs.of_experiment(int(experiment_id)) if run.status == "done" and run.summary]
    loads = _offered(store, int(experiment_id), rows) if choice.is_sweep else {}
    if rung:
        rows = [run for run in rows if run.rung == int(rung)]
    points = [point for run in rows if (point := run_point(run, loads.get(run.rung, 0.0))) is not None]
    if not points:
        raise InputError(f"{choice.title}: no run of it has a throughput and a latency; choose another")
    manifest = first_manifest(rows)
    return LoadCurve(
        key=choice.key,
        title=choice.title,
        runs=tuple(points),
        is_open=manifest.get("load", {}).get("kind") in OPEN,
        experiment_id=int(experiment_id),
        machine=manifest.get("hardware", {}).get("title", ""),
        model=manifest.get("model", {}).get("name") or "",
        prompt_set=manifest.get("prompt_set", {}).get("name", ""),
        prompt_hash=manifest.get("prompt_set", {}).get("content_hash", ""),
        recipe=choice.recipe,
        schedule=manifest.get("schedule", ""),
        price_per_hour=manifest.get("price_per_hour"),
    )


def without_caching(store: Store, curve: LoadCurve, choices: Sequence[CurveChoice]) -> tuple[LoadCurve | None, str]:
    """The same recipe, prompts, machine and model measured without prefix caching; else None and why."""
    if CACHING not in [use["technique"] for use in curve.recipe]:
        return None, "the recipe has no prefix caching, so sharing a prefix changes nothing"
    if not curve.mean("cached_tokens"):
        return None, "no prompt token came from the prefix cache in its runs"
    wanted = tuple(use for use in curve.recipe if use["technique"] != CACHING)
    alike = [each for each in choices if each.recipe == wanted and each.is_sweep == ("." not in curve.key)]
    alike.sort(key=lambda each: each.key.partition(".")[0] != str(curve.experiment_id))
    for choice in alike[:MOST_COUNTERPARTS]:
        try:
            other = load_curve(store, choice)
        except InputError:
            continue
        if _facts(other) == _facts(curve):
            return other, ""
    kind = "sweep" if "." not in curve.key else "run"
    return None, f"there is no {kind} of the same recipe without prefix caching on the same prompts and machine"


def run_point(run: RunRow, offered: float) -> RunPoint | None:
    """None where the run's throughput or every latency is missing."""
    summary = run.summary or {}
    metrics, answered = summary.get("metrics", {}), summary.get("requests", 0) - summary.get("errors", 0)
    latency = {
        (tag, statistic): value
        for tag in LATENCIES
        for statistic in STATISTICS
        if (value := _above_zero((metrics.get(tag) or {}).get(statistic))) is not None
    }
    rate = _above_zero(metrics.get("requests_per_s"))
    if rate is None or not latency or answered <= 0:
        return None

    def each(name: str) -> float | None:
        return metrics[name] / answered if metrics.get(name) is not None else None

    share = metrics.get("prefill_percent")
    return RunPoint(
        run_id=run.id,
        offered=offered,
        requests_per_s=rate,
        latency=latency,
        requests=summary["requests"],
        errors=summary["errors"],
        prompt_tokens=each("prompt_tokens"),
        cached_tokens=each("cached_tokens"),
        output_tokens=each("output_tokens"),
        prefill_share=None if share is None else share / 100,
        watts=metrics.get("power_w"),
        quality=metrics.get("quality"),
        suspect=tuple(summary.get("suspect", ())),
    )


def _sweep(experiment_id: int, rungs: Sequence[FinishedRung]) -> CurveChoice:
    recipe, loads = rungs[0].recipe, len({rung.rung for rung in rungs})
    title = " + ".join(title_of(str(use["technique"])) for use in recipe) or "Baseline"
    return CurveChoice(
        str(experiment_id), f"{experiment_id} · {title} · sweep of {count_of(loads, 'load')}", tuple(recipe), True
    )


def _point(rung: FinishedRung) -> CurveChoice:
    return CurveChoice(
        f"{rung.experiment_id}.{rung.rung}",
        f"{rung.experiment_id} · {rung.label} · one load",
        tuple(rung.recipe),
        False,
    )


def _offered(store: Store, experiment_id: int, rows: Sequence[RunRow]) -> dict[int, float]:
    spec = ExperimentSpec.from_json(store.experiments.get(experiment_id).spec)
    loads = {run.rung: spec.load_of(run.rung) for run in rows}
    return {rung: load.rate or float(load.concurrency) for rung, load in loads.items()}


def _facts(curve: LoadCurve) -> tuple[object, ...]:
    return curve.prompt_hash, curve.machine, curve.model, curve.is_open, "" if "." not in curve.key else curve.schedule


def _above_zero(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and isfinite(value) and value > 0 else None
