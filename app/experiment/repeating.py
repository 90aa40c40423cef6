"""A finished run -> the experiment that measures it again, and how far the second measurement agrees with the first.

What the run was is read from its manifest; of a run in the store, its experiment knows besides where the model is. It
is refused where something is missing or is another than it was. Does not queue or measure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from app.analysis.agreement import Agreement, agreement
from app.analysis.compare import Comparison, Difference, RungData, compare, corrected
from app.analysis.compare_summaries import compare_summaries
from app.analysis.environment import flag_value
from app.analysis.metric import BY_TAG
from app.analysis.pooling import pooled_metrics
from app.analysis.summary import CountedRecord
from app.engine.checkpoint import Checkpoint
from app.engine.hub import find_model, whole_name
from app.engine.memory_fit import GIB
from app.engine.named_models import Resolved, resolve_models, with_whole_names
from app.engine.plan import AUTO, EngineOptions
from app.experiment.measure import load_records
from app.experiment.spec import ExperimentSpec, Rung
from app.prompts.saved import load_prompt_set, save_starter_sets
from app.replay.body import Sampling
from app.replay.load import LoadProfile
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.settings import ROOT, Settings
from store.store import Store
from store.tables import RunRow

Verdict = Literal["agrees", "differs", "not comparable"]
NO_REQUESTS = "the file holds no requests"
PORTABLE = re.compile(r"^(RUNG_HOME|RUNG)/")


@dataclass(frozen=True)
class Past:
    """A finished run, as the store or a file has it. `where` is what people are told of it; `records` are empty where
    only its summary is known. `stored` is the specification of its experiment, empty for a run from elsewhere."""

    where: str
    recipe: Sequence[Mapping[str, Any]]
    manifest: Mapping[str, Any]
    summary: Mapping[str, Any]
    records: tuple[CountedRecord, ...]
    stored: Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """`answers` says how many outputs are equal, None where the first measurement's are not known."""

    verdict: Verdict
    comparison: Comparison
    answers: Agreement | None


def past_of(store: Store, run_id: int) -> Past:
    run = store.runs.get(run_id)
    if run.status != "done":
        raise InputError(f"run {run_id} is {run.status}; only finished runs can be repeated")
    spec = store.experiments.get(run.experiment_id).spec
    records = tuple(load_records(store, run.id))
    return Past(f"run {run_id}", run.recipe, run.manifest or {}, run.summary or {}, records, spec)


def repeat_spec(
    store: Store, settings: Settings, past: Past, repeats: int, model: str | None = None
) -> tuple[ExperimentSpec, Checkpoint | None]:
    """The experiment of one recipe that measures the run again, and its model, None at an endpoint. `model` names it
    where it is not under the run's own name. Raises InputError for what is missing here or is no longer the same."""
    endpoint = _part(past, "engine").get("attached_to")
    if endpoint is not None and model is not None:
        raise InputError(f"{past.where} was measured at {endpoint}, which has its own model; leave --model out")
    checkpoint = _model(store, settings, past, model) if endpoint is None else None
    recipe = with_whole_names(
        with_whole_names(Recipe.from_json(list(past.recipe)), partial(_here, settings)), partial(whole_name, store)
    )
    _check_named(past, resolve_models(recipe, partial(find_model, store, settings), checkpoint))
    prompt_set_id, limit = _prompts(store, past)
    sent, stored = _part(past, "sampling"), past.stored
    try:
        spec = ExperimentSpec(
            kind="run",
            prompt_set_id=prompt_set_id,
            rungs=(Rung(recipe.title, recipe),),
            model=_part(past, "model")["name"] if checkpoint is None else _name(store, past, model),
            endpoint=endpoint,
            prompt_limit=limit,
            load=LoadProfile.from_json(_part(past, "load")),
            sampling=Sampling(int(sent["max_tokens"]), float(sent["temperature"]), int(sent["seed"])),
            engine=options_of(past),
            repeats=repeats,
            warm_up=int(past.manifest["warm_up"]),
            price_per_hour=past.manifest.get("price_per_hour"),
            idle_timeout_s=float(past.manifest.get("idle_timeout_s") or stored.get("idle_timeout_s") or 300.0),
        )
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{past.where}: its manifest cannot be read ({type(error).__name__}: {error})") from None
    return spec, checkpoint


def judge(store: Store, spec: ExperimentSpec, past: Past, runs: Sequence[RunRow]) -> Judged:
    """The finished `runs` of `spec` against the run that they repeat."""
    asked = load_prompt_set(store, spec.prompt_set_id, spec.prompt_limit)
    of_manifest = [_sides_of(manifest) for manifest in (past.manifest, runs[0].manifest or {})]
    before = RungData((past.records,), *of_manifest[0], asked.expected, asked.score)
    repeats = tuple(tuple(load_records(store, run.id)) for run in runs)
    after = RungData(repeats, *of_manifest[1], asked.expected, asked.score)
    if not past.records:
        return Judged("not comparable", beside(past.summary, pooled(runs), NO_REQUESTS), None)
    # One measurement before, several after: each of these is held against it.
    answers = agreement(before.texts * len(repeats), after.texts)
    return judged(compare(before, after), answers, past.summary, pooled(runs))


def judged(found: Comparison, answers: Agreement | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> Judged:
    """`before` and `after` are the summaries, for two runs that cannot be compared."""
    if not found.differences:
        return Judged("not comparable", beside(before, after, found.reason), answers)
    comparison = corrected([found])[0]
    said = [agrees(item) for item in comparison.differences.values()]
    if not {True, False} & set(said):
        return Judged("not comparable", beside(before, after, "no metric has an interval to agree within"), answers)
    return Judged("differs" if False in said else "agrees", comparison, answers)


def agrees(item: Difference) -> bool | None:
    """None where there is nothing to tell it by: no interval, or a metric in which neither direction is better."""
    if item.interval is None or item.verdict == "not comparable" or BY_TAG[item.metric].better is None:
        return None
    return item.verdict == "no clear change"


def beside(before: Mapping[str, Any], after: Mapping[str, Any], reason: str) -> Comparison:
    """The figures of two summaries side by side, without a verdict. The throughput stands for the cost."""
    nobody = (RungData(()), RungData(()))
    found = dict(compare_summaries(before, after, nobody).differences)
    old, new = (summary["metrics"].get("requests_per_s") for summary in (before, after))
    delta = new / old - 1 if old and new is not None else None
    found["relative_cost"] = Difference("requests_per_s", old, new, delta, None, "not comparable")
    figures = {item.metric: replace(item, verdict="not comparable") for item in found.values()}
    return Comparison("not comparable", reason, figures)


def pooled(runs: Sequence[RunRow]) -> dict[str, Any]:
    """One summary of all repeats: every figure as their mean."""
    summaries = [run.summary or {} for run in runs]
    counts = {name: sum(each[name] for each in summaries) / len(runs) for name in ("requests", "errors")}
    return {"metrics": pooled_metrics(summaries), **counts}


def _sides_of(manifest: Mapping[str, Any]) -> tuple[str, str]:
    prompt_set, hardware = manifest.get("prompt_set") or {}, manifest.get("hardware") or {}
    return prompt_set.get("content_hash", ""), hardware.get("title", "")


def _part(past: Past, name: str) -> Mapping[str, Any]:
    found = past.manifest.get(name)
    if not isinstance(found, Mapping) or not found:
        raise InputError(f"{past.where} cannot be repeated: its manifest does not say its {name.replace('_', ' ')}")
    return found


def _name(store: Store, past: Past, model: str | None) -> str:
    return whole_name(store, model or past.stored.get("model") or str(_part(past, "model").get("name")))


def _model(store: Store, settings: Settings, past: Past, model: str | None) -> Checkpoint:
    wanted = _part(past, "model").get("fingerprint")
    if not wanted:
        raise InputError(f"{past.where} cannot be repeated: its manifest does not say which weights it had")
    name = _name(store, past, model)
    try:
        found = find_model(store, settings, name)
    except InputError as error:
        raise InputError(f"{past.where} cannot be repeated: {error}; --model names it elsewhere") from None
    _same_weights(past, name, wanted, found)
    return found


def _check_named(past: Past, resolved: Resolved) -> None:
    """The models that settings name, a draft say, have to be what they were too."""
    known = past.manifest.get("models") or {}
    for (key, setting), found in resolved.models.items():
        wanted = (known.get(f"{key}.{setting}") or {}).get("fingerprint")
        if wanted:
            _same_weights(past, f"{key}.{setting}", wanted, found)


def _same_weights(past: Past, name: str, wanted: str, found: Checkpoint) -> None:
    if found.fingerprint != wanted:
        raise InputError(
            f"{past.where} cannot be repeated: the weights of {name} have changed since "
            f"(fingerprint {wanted[:12]} then, {found.fingerprint[:12]} now)"
        )


def _here(settings: Settings, name: str) -> str:
    """A path of a document that was made to be handed on, as it is on this machine."""
    roots = {"RUNG_HOME": settings.home, "RUNG": ROOT}
    found = PORTABLE.match(name)
    return name if found is None else str(roots[found[1]] / name[found.end() :])


def _prompts(store: Store, past: Past) -> tuple[int, int | None]:
    """(set, how many of its first prompts): what was sent, by its content hash."""
    sent = _part(past, "prompt_set")
    found = _find_prompts(store, sent)
    if found is None:
        # A set that comes with Rung is saved when it is first used.
        save_starter_sets(store)
        found = _find_prompts(store, sent)
    if found is None:
        raise InputError(
            f"{past.where} cannot be repeated: no prompt set here begins with the {sent.get('prompts')} prompts of "
            f"{sent.get('name')} that it sent (content hash {str(sent.get('content_hash'))[:12]}); import them with: "
            "python -m app prompts import FILE"
        )
    return found


def _find_prompts(store: Store, sent: Mapping[str, Any]) -> tuple[int, int | None] | None:
    wanted, count = sent.get("content_hash"), sent.get("prompts")
    rows = sorted(store.prompt_sets.all(), key=lambda row: row.name != sent.get("name"))
    whole = next((row for row in rows if row.content_hash == wanted), None)
    if whole is not None:
        return whole.id, None
    if not isinstance(count, int) or count < 1:
        return None
    longer = (row for row in rows if row.size > count)
    return next(
        ((row.id, count) for row in longer if load_prompt_set(store, row.id, count).content_hash == wanted), None
    )


def options_of(past: Past) -> EngineOptions:
    """What was asked of the engine, in the data type that came of it. Of a manifest that does not say what was asked,
    what came of it: its flags."""
    asked = past.manifest.get("options") or past.stored.get("engine")
    argv = list(_part(past, "engine").get("argv") or ())
    dtype = flag_value(argv, "--dtype") or AUTO
    if asked:
        options = EngineOptions.from_json(asked)
        # Left open, it was chosen for the processor of then.
        return replace(options, dtype=dtype) if options.dtype == AUTO else options
    length, kv_bytes = flag_value(argv, "--max-model-len"), flag_value(argv, "--kv-cache-memory-bytes")
    return EngineOptions(
        max_model_len=None if length is None else int(length),
        kv_cache_gib=None if kv_bytes is None else int(kv_bytes) / GIB,
        dtype=dtype,
        trust_remote_code="--trust-remote-code" in argv,
    )
