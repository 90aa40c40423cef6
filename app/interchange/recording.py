"""A whole experiment as one document, `rung.recording/1`, and back: what was measured, to the last digit.

Holds the specification, the prompts, every run with its manifest and summary, and every request with its text. What
names the machine is taken out before (nameless.py). Times of a request are written as differences, which are short.
Pure; files are recording_file.py's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

from app.analysis.metric import METRICS
from app.analysis.scoring import rule_of
from app.experiment.kinds import KINDS
from app.experiment.spec import ExperimentSpec
from app.interchange.imported import STATISTICS
from app.interchange.shape import Each, Maybe, check
from app.prompts.draft import check_expected
from app.prompts.prompt_set import PromptSet
from app.prompts.rows import to_prompt
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.experiments import RECORDED
from store.whole import REQUEST_COLUMNS, ExperimentCopy, RunCopy, SegmentCopy

SCHEMA = "rung.recording/1"
KNOWN_KINDS = (*KINDS, "run", "sweep")
LAST_MOMENT = 253_402_300_799.0
"""The end of the year 9999, in seconds since the epoch."""
FROM_DUE = ("sent_ns", "first_byte_ns", "first_token_ns", "last_token_ns", "end_ns")

METRIC_SHAPES = {
    metric.tag: Maybe({part: Maybe(float) for part in STATISTICS} if metric.distribution else float)
    for metric in METRICS
}
SUMMARY = {
    "metrics": METRIC_SHAPES, "intervals": Each(Maybe([float])), "requests": int, "errors": int, "suspect": [str],
    "evidence": [{"technique": str, "took_effect": Maybe(bool), "detail": str}], "error_examples": [str],
    "seconds": float,
}  # fmt: skip
MANIFEST = {
    "versions": Maybe(Each(Maybe(str))), "hardware": {"title": str, "cpu_features": Maybe([str])},
    "model": {"name": Maybe(str), "architecture": Maybe(str), "fingerprint": Maybe(str)},
    "engine": {"argv": Maybe([str]), "attached_to": Maybe(str)}, "load": dict, "sampling": dict, "schedule": str,
    "prompt_set": {"name": str, "prompts": int, "content_hash": str}, "warm_up": Maybe(int),
    "price_per_hour": Maybe(float),
}  # fmt: skip
OBSERVED = {
    "delta": Maybe(Each(float)), "sampled_s": Maybe([float]), "running": Maybe([float]), "waiting": Maybe([float]),
    "kv_usage": Maybe([float]), "engine_log": Maybe([str]),
}  # fmt: skip
COLUMNS: Mapping[str, Any] = {
    "position": int, "segment": int, "scheduled_ns": int, "sent_ns": Maybe(int), "first_byte_ns": Maybe(int),
    "first_token_ns": Maybe(int), "last_token_ns": Maybe(int), "end_ns": int, "status": int, "text": str,
    "reasoning": str, "finish_reason": Maybe(str), "prompt_tokens": Maybe(int), "cached_tokens": Maybe(int),
    "completion_tokens": Maybe(int), "client_prompt_tokens": Maybe(int), "client_completion_tokens": Maybe(int),
    "prepared_ns": int, "token_ns": [int], "error": Maybe(str),
}  # fmt: skip
RUN = {
    "rung": int, "repeat": int, "label": str, "recipe": list, "planned_requests": int, "manifest": MANIFEST,
    "summary": SUMMARY, "started_at": float, "finished_at": float, "requests": [list],
    "segments": [{"number": int, "started_at": float, "observed": Maybe(OBSERVED)}],
}  # fmt: skip
EXPERIMENT = {
    "kind": str, "title": str, "spec": dict, "engine_starts": int, "seconds": Each(float), "created_at": float,
    "started_at": float, "finished_at": float,
}  # fmt: skip
SHAPE = {
    RECORDED: {"machine": str, "date": str, "version": Maybe(str)},
    "experiment": EXPERIMENT,
    "prompt_set": {"name": str, "title": str, "description": str, "score": str, "content_hash": str, "prompts": list},
    "columns": [str],
    "runs": [RUN],
}  # fmt: skip


@dataclass(frozen=True)
class Recorded:
    """Where and when it was measured: the hardware's title, the day (UTC) as 2026-11-25, and the version of Rung."""

    machine: str
    date: str
    version: str | None

    @staticmethod
    def of(mark: Mapping[str, Any]) -> Recorded:
        return Recorded(mark["machine"], mark["date"], mark.get("version"))


@dataclass(frozen=True)
class Recording:
    """`copy` knows no prompt set by number: its prompts are `prompts`."""

    recorded: Recorded
    copy: ExperimentCopy
    prompts: PromptSet


def to_document(recording: Recording) -> dict[str, Any]:
    copy, prompts = recording.copy, recording.prompts
    about = {name: getattr(copy, name) for name in EXPERIMENT}
    return {
        "schema": SCHEMA,
        RECORDED: asdict(recording.recorded),
        "experiment": about,
        "prompt_set": {
            "name": prompts.name,
            "title": prompts.title,
            "description": prompts.description,
            "score": prompts.score,
            "content_hash": prompts.content_hash,
            "prompts": [prompt.to_json() for prompt in prompts.prompts],
        },
        "columns": list(REQUEST_COLUMNS),
        "runs": [
            {name: getattr(run, name) for name in RUN}
            | {"segments": [asdict(each) for each in run.segments], "requests": [_shorter(row) for row in run.requests]}
            for run in copy.runs
        ],
    }


def from_document(document: Any, where: str) -> Recording:
    """Raises InputError, in one line, for a document that is damaged, edited or of another version."""
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
        schema = document.get("schema") if isinstance(document, Mapping) else None
        raise InputError(f"{where}: it is no {SCHEMA} ({schema!r}); update Rung, or write it again with export")
    check(document, SHAPE, where)
    try:
        return _recording(document, where)
    except InputError as error:
        told = str(error)
        raise InputError(told if told.startswith(where) else f"{where}: {told}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{where}: it cannot be read ({type(error).__name__}: {error}); it was edited") from None


def _recording(document: Mapping[str, Any], where: str) -> Recording:
    about = document["experiment"]
    if about["kind"] not in KNOWN_KINDS:
        raise InputError(f"{where}: an experiment of kind {about['kind']!r} is not known here; update Rung")
    prompts = _prompts(document["prompt_set"], where)
    spec = {**about["spec"], "prompt_set_id": 0}
    if ExperimentSpec.from_json(spec).kind != about["kind"]:
        raise InputError(f"{where}: its specification is of another kind; the file was edited")
    _moments(where, about["created_at"], about["started_at"], about["finished_at"])
    columns = tuple(document["columns"])
    if columns != REQUEST_COLUMNS:
        raise InputError(f"{where}: its requests have other columns than this Rung knows; update it")
    runs = tuple(
        _run(run, len(prompts.limited(spec.get("prompt_limit")).prompts), f"{where}, run {at}")
        for at, run in enumerate(document["runs"], 1)
    )
    wanted = [(rung, repeat) for rung in range(len(spec["rungs"])) for repeat in range(spec["repeats"])]
    if sorted((run.rung, run.repeat) for run in runs) != wanted:
        raise InputError(f"{where}: it does not hold each rung's {spec['repeats']} repeats once; the file was edited")
    copy = ExperimentCopy(**{name: about[name] for name in EXPERIMENT} | {"spec": spec, "runs": runs})
    return Recording(Recorded.of(document[RECORDED]), copy, prompts)


def _prompts(document: Mapping[str, Any], where: str) -> PromptSet:
    prompts = tuple(to_prompt(row, at) for at, row in enumerate(document["prompts"], 1))
    title, description = document["title"], document["description"]
    rule = rule_of(document["score"])
    for prompt in prompts:
        check_expected(prompt, rule)
    found = PromptSet(document["name"], prompts, title, description, rule.key)
    if not prompts or found.content_hash != document["content_hash"]:
        raise InputError(f"{where}: its prompts are not those that were measured; the file was edited")
    return found


def _run(run: Mapping[str, Any], prompts: int, where: str) -> RunCopy:
    _moments(where, run["started_at"], run["finished_at"], *(each["started_at"] for each in run["segments"]))
    segments = tuple(SegmentCopy(**{name: each[name] for name in SegmentCopy.__dataclass_fields__})
                     for each in run["segments"])  # fmt: skip
    requests = tuple(_longer(row, f"{where}, request {at}") for at, row in enumerate(run["requests"], 1))
    known = {each.number for each in segments}
    position, segment = REQUEST_COLUMNS.index("position"), REQUEST_COLUMNS.index("segment")
    positions = [row[position] for row in requests]
    if len(known) != len(segments) or not known.issuperset(row[segment] for row in requests):
        raise InputError(f"{where}: a request in it belongs to no segment; the file was edited")
    if len(set(positions)) != len(positions) or not all(0 <= at < prompts for at in positions):
        raise InputError(f"{where}: its requests answer no prompts of the set, or one twice; the file was edited")
    if not 0 <= run["summary"]["errors"] <= run["summary"]["requests"] == len(requests):
        raise InputError(f"{where}: its summary counts other requests than it holds; the file was edited")
    recipe = Recipe.from_json(run["recipe"]).to_json()
    return RunCopy(**{name: run[name] for name in RUN} | {"recipe": recipe, "segments": segments, "requests": requests})


def _moments(where: str, *times: float) -> None:
    if not all(0 <= each <= LAST_MOMENT for each in times):
        raise InputError(f"{where}: a time in it is no date; the file was edited")


def _shorter(row: Sequence[Any]) -> list[Any]:
    """Times after when it was due, token times after the one before."""
    named = dict(zip(REQUEST_COLUMNS, row, strict=True))
    due = named["scheduled_ns"]
    named |= {name: None if named[name] is None else named[name] - due for name in FROM_DUE}
    named["token_ns"] = [after - before for before, after in pairwise([due, *named["token_ns"]])]
    return list(named.values())


def _longer(row: Sequence[Any], where: str) -> tuple[Any, ...]:
    """The inverse of `_shorter`, checked."""
    if len(row) != len(REQUEST_COLUMNS):
        raise InputError(f"{where} has {len(row)} columns instead of {len(REQUEST_COLUMNS)}")
    named = dict(zip(REQUEST_COLUMNS, row, strict=True))
    check(named, COLUMNS, where)
    due = named["scheduled_ns"]
    named |= {name: None if named[name] is None else named[name] + due for name in FROM_DUE}
    named["token_ns"] = list(accumulate(named["token_ns"], initial=due))[1:]
    check(named, COLUMNS, where)
    if len(named["finish_reason"] or "") > 40:
        raise InputError(f"{where}: its finish_reason is longer than 40 characters")
    return tuple(named.values())


def marked(copy: ExperimentCopy, recorded: Recorded, sha256: str, prompt_set_id: int) -> ExperimentCopy:
    """The copy as a store takes it in: with its prompts' number there, and marked as recorded, every run as well."""
    mark = asdict(recorded)
    runs = tuple(replace(run, manifest={**run.manifest, RECORDED: mark}) for run in copy.runs)
    spec = {**copy.spec, "prompt_set_id": prompt_set_id, RECORDED: {**mark, "sha256": sha256}}
    return replace(copy, spec=spec, runs=runs)
