"""The versioned JSON documents of runs, experiments and comparisons. A value that was not measured is null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.analysis.compare import Comparison, Difference, small_tails
from app.analysis.environment import Changed
from app.analysis.explain import explain
from app.analysis.factorial import Effect, Effects
from app.analysis.ladder import Against, Ladder, RungResult
from app.analysis.metric import METRICS
from app.analysis.per_prompt import PromptPair
from app.experiment.comparing import Side
from app.experiment.preview import Preview
from app.experiment.repeating import Judged, agrees
from app.reports.portable import portable
from store.experiments import RECORDED
from store.settings import ROOT, Settings
from store.tables import ExperimentRow, RunRow

RUN_SCHEMA = "rung.run/1"
EXPERIMENT_SCHEMA = "rung.experiment/1"
COMPARE_SCHEMA = "rung.compare/1"
PLAN_SCHEMA = "rung.plan/1"
REPEAT_SCHEMA = "rung.repeat/1"


def run_document(run: RunRow) -> dict[str, Any]:
    manifest: Mapping[str, Any] = run.manifest or {}
    summary: Mapping[str, Any] = run.summary or {}
    metrics = summary.get("metrics") or {}
    has_length = summary.get("seconds") is not None
    document = {
        "schema": RUN_SCHEMA,
        "run_id": run.id,
        "experiment_id": run.experiment_id,
        "rung": run.rung,
        "label": run.label,
        "repeat": run.repeat,
        "status": run.status,
        "error": run.error,
        "recipe": run.recipe,
        "prompt_set": manifest.get("prompt_set"),
        "load": (manifest.get("load") or {}) | {"schedule": manifest.get("schedule")} if manifest else None,
        "metrics": {metric.tag: metrics.get(metric.tag) for metric in METRICS},
        "costs": [asdict(each) for each in explain(summary, manifest.get("price_per_hour"))] if has_length else [],
        "intervals": summary.get("intervals") or {},
        "evidence": summary.get("evidence") or [],
        "requests": summary.get("requests"),
        "errors": summary.get("errors"),
        "error_examples": summary.get("error_examples") or [],
        "suspect": summary.get("suspect") or [],
        "histories": summary.get("histories"),
        "small_sample": list(small_tails(summary.get("requests", 0) - summary.get("errors", 0))) if summary else [],
        "manifest": manifest,
    }
    return without_machine(document)


def without_machine(document: dict[str, Any]) -> dict[str, Any]:
    """The document without folders of this machine."""
    shown: dict[str, Any] = portable(document, {"RUNG_HOME": Settings.load().home, "RUNG": ROOT})
    return shown


def experiment_document(experiment: ExperimentRow, runs: Sequence[RunRow], ladder: Ladder) -> dict[str, Any]:
    rung_of = {run_id: rung for rung in ladder.rungs for run_id in rung.run_ids}
    relative = [metric.tag for metric in METRICS if metric.relative]
    documents = [run_document(run) for run in runs]
    for document in documents:
        if document["status"] == "done":
            document["metrics"] |= {tag: rung_of[document["run_id"]].metrics[tag] for tag in relative}
    document = {
        "schema": EXPERIMENT_SCHEMA,
        "experiment_id": experiment.id,
        "kind": experiment.kind,
        "title": experiment.title,
        "status": experiment.status,
        "error": experiment.error,
        "recorded": experiment.spec.get(RECORDED),
        "rungs": [_rung(rung) for rung in ladder.rungs],
        "noise_floor": dict(ladder.noise),
        "effects": None if ladder.effects is None else _effects(ladder.effects),
        "runs": documents,
        "engine_starts": experiment.engine_starts,
        "seconds": experiment.seconds,
    }
    return without_machine(document)


def plan_document(plan: Preview) -> dict[str, Any]:
    return {
        "schema": PLAN_SCHEMA,
        "kind": plan.kind,
        "rungs": [
            {"label": rung.label, "techniques": list(rung.techniques), "engine": rung.engine} for rung in plan.rungs
        ],
        "repeats": plan.repeats,
        "runs": len(plan.rungs) * plan.repeats,
        "prompts": plan.prompts,
        "warm_up": plan.warm_up,
        "requests": plan.requests,
        "engine_starts": plan.engine_starts,
        "estimate": {
            "low_s": plan.estimate.low_s,
            "high_s": plan.estimate.high_s,
            "basis": plan.estimate.basis,
        },
    }


def compare_document(
    baseline: str,
    candidates: Mapping[str, Comparison],
    environment: Mapping[str, Sequence[Changed]] | None = None,
    pairs: Mapping[str, Sequence[PromptPair]] | None = None,
) -> dict[str, Any]:
    """Sides by what was typed for them: a run is its number, a rung `EXPERIMENT.RUNG`. A candidate has `prompts` where
    `pairs` has them."""
    return {
        "schema": COMPARE_SCHEMA,
        "baseline": _number(baseline),
        "candidates": [
            {
                "run": _number(run_id),
                "verdict": found.verdict,
                "reason": found.reason,
                "small_sample": list(found.small_sample),
                "environment": _environment((environment or {}).get(run_id, ())),
                "metrics": {tag: _difference(item) for tag, item in found.differences.items()},
                **({"prompts": [asdict(pair) for pair in pairs[run_id]]} if pairs and run_id in pairs else {}),
            }
            for run_id, found in candidates.items()
        ],
    }


def side_document(side: Side) -> dict[str, Any]:
    """One side of a comparison, all of its repeats together."""
    document = {
        "run": _number(side.key),
        "experiment_id": side.experiment_id,
        "label": side.label,
        "runs": list(side.run_ids),
        "recipe": side.recipe.to_json(),
        "metrics": {metric.tag: side.metrics.get(metric.tag) for metric in METRICS if not metric.relative},
        "evidence": [dict(item) for item in side.evidence],
        "requests": side.requests,
        "errors": side.errors,
        "suspect": list(side.suspect),
        "manifest": dict(side.manifest),
    }
    return without_machine(document)


def _number(key: str) -> int | str:
    return int(key) if key.isdecimal() else key


def repeat_document(
    repeated: Mapping[str, Any],
    experiment: ExperimentRow,
    runs: Sequence[RunRow],
    judged: Judged | None,
    environment: Sequence[Changed],
) -> dict[str, Any]:
    """`repeated` says which run was measured again; `judged` is None where that failed."""
    found = judged.comparison if judged else None
    answers = judged.answers if judged else None
    return {
        "schema": REPEAT_SCHEMA,
        "repeated": dict(repeated),
        "experiment_id": experiment.id,
        "runs": [run.id for run in runs],
        "verdict": judged.verdict if judged else "failed",
        "reason": found.reason if found else experiment.error,
        "small_sample": list(found.small_sample) if found else [],
        "environment": _environment(environment),
        "metrics": {item.metric: _difference(item) | {"agrees": agrees(item)} for item in found.differences.values()}
        if found
        else {},
        "same_output": answers.identical if answers else None,
        "similarity": answers.similarity if answers else None,
    }


def _environment(changed: Sequence[Changed]) -> list[dict[str, Any]]:
    return [{"fact": each.fact, "baseline": each.baseline, "candidate": each.candidate} for each in changed]


def _rung(rung: RungResult) -> dict[str, Any]:
    return {
        "rung": rung.rung,
        "label": rung.label,
        "techniques": list(rung.techniques),
        "adds": rung.adds,
        "schedule": rung.schedule,
        "status": rung.status,
        "runs": list(rung.run_ids),
        "relative_cost": rung.cost,
        "relative_cost_interval": None if rung.cost_interval is None else rung.cost_interval.to_json(),
        "step": rung.step,
        "step_interval": None if rung.step_interval is None else rung.step_interval.to_json(),
        "step_verdict": rung.verdict if rung.is_step else None,
        "against": None if rung.against is None else _against(rung.against),
        "verdict": rung.comparison.verdict,
        "article": None if rung.claim is None else {"cumulative": rung.claim.cumulative, "step": rung.claim.step},
        "metrics": dict(rung.metrics),
        "quality_interval": None if rung.quality_interval is None else rung.quality_interval.to_json(),
        "step_quality": _difference(rung.quality_change) if rung.is_step and rung.quality_change else None,
        "same_output_percent": rung.same_output,
        "differences": {tag: _difference(item) for tag, item in rung.comparison.differences.items()},
        "small_sample": list(rung.comparison.small_sample),
        "evidence": [dict(item) for item in rung.evidence],
        "requests": rung.requests,
        "errors": rung.errors,
        "suspect": list(rung.suspect),
    }


def _against(held: Against) -> dict[str, Any]:
    return {
        "rung": held.rung,
        "factor": held.factor,
        "interval": None if held.interval is None else held.interval.to_json(),
        "verdict": held.verdict,
        "quality": None if held.quality is None else _difference(held.quality),
    }


def _effects(effects: Effects) -> dict[str, Any]:
    return {
        "alone": [{"technique": each.techniques[0]} | _factor(each) for each in effects.alone],
        "without": [{"technique": each.techniques[0]} | _factor(each) for each in effects.without],
        "interactions": [{"techniques": list(each.techniques)} | _factor(each) for each in effects.interactions],
        "total": None if effects.total is None else _factor(effects.total),
        "shares": [
            {
                "technique": share.technique,
                "percent": share.percent,
                "interval": None if share.interval is None else share.interval.to_json(),
                "idle": share.idle,
            }
            for share in effects.shares
        ]
        or None,
        "no_shares": effects.no_shares or None,
    }


def _factor(effect: Effect) -> dict[str, Any]:
    return {
        "factor": effect.factor,
        "interval": None if effect.interval is None else effect.interval.to_json(),
        "verdict": effect.verdict,
    }


def _difference(item: Difference) -> dict[str, Any]:
    return {
        "baseline": item.baseline,
        "candidate": item.candidate,
        "delta": item.delta,
        "unit": item.unit,
        "interval": None if item.interval is None else item.interval.to_json(),
        "verdict": item.verdict,
        "p": item.chance,
        "p_corrected": item.corrected,
        "won": item.won,
        "lost": item.lost,
    }
