"""`repeat`: measures a finished run again, from its manifest, and says whether it comes out the same."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.analysis.compare import Difference
from app.analysis.environment import Changed, environment_differences
from app.analysis.metric import BY_TAG, MISSING
from app.commands.common import DONE, GATE_FAILED, OneLineParser, add_database, add_json, open_store, print_json
from app.commands.measuring import (
    carry_out,
    exit_code,
    look_at_target,
    refuse_idle_rungs,
    refuse_unlaunchable,
    refuse_unusable,
    say_cautions,
    short_name,
)
from app.experiment.repeating import Judged, Past, agrees, judge, past_of, repeat_spec
from app.experiment.spec import ExperimentSpec
from app.interchange.read import read_results
from app.prompts.saved import load_prompt_set
from app.replay.load import plan_schedule
from app.reports.documents import repeat_document, run_document
from app.reports.text import plain_table, show
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store
from store.tables import RunRow

WORDS = {True: "agrees", False: "differs", None: MISSING}


def add_command(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    parser = commands.add_parser("repeat", help="measure a finished run again and see whether it comes out the same")
    parser.add_argument("run_or_file", metavar="RUN_OR_FILE", help="a run's number or its document (run --out, export)")
    parser.add_argument("--model", metavar="M", help="where its model is here, if not under the run's own name")
    parser.add_argument(
        "--repeats", type=int, default=3, metavar="N", help="how often; one does not tell how much runs differ (3)"
    )
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=repeat_command)


def repeat_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    past, repeated = _find(store, arguments.run_or_file)
    spec, checkpoint = repeat_spec(store, settings, past, arguments.repeats, arguments.model)
    _check(store, settings, spec)
    say_cautions(store, settings, spec, checkpoint)
    name = store.prompt_sets.get(spec.prompt_set_id).name
    title = f"Repeat of {past.where}: {spec.rungs[0].label}, {short_name(spec)} on {name}"
    experiment = carry_out(store, settings, arguments, spec, title, None)
    runs = store.runs.of_experiment(experiment.id)
    if experiment.status != "done":
        if arguments.json:
            print_json(repeat_document(repeated, experiment, runs, None, ()))
        return exit_code(experiment)
    found = judge(store, spec, past, runs)
    changed = _environment(store, past, repeated, runs[0])
    if arguments.json:
        print_json(repeat_document(repeated, experiment, runs, found, changed))
    else:
        _show(past, runs, found, changed)
    return DONE if found.verdict == "agrees" else GATE_FAILED


def _find(store: Store, run_or_file: str) -> tuple[Past, Mapping[str, Any]]:
    """The run and how the document names it. Of a file whose run is in this store, the store's is taken: it has the
    requests."""
    if run_or_file.isdecimal():
        return past_of(store, int(run_or_file)), {"run": int(run_or_file), "file": None}
    path = Path(run_or_file).expanduser()
    if not path.exists():
        raise InputError(f"there is no file {run_or_file!r}; give a run's number, or a file that run --out wrote")
    _, found = read_results(path, "rung")
    if len(found) != 1:
        raise InputError(f"{path} holds {len(found)} runs; give a file with one of them")
    run = found[0]
    known = _same_here(store, json.loads(path.read_text(encoding="utf-8-sig")), run.manifest)
    if known is not None:
        print(f"note: {path.name} is run {known} of this store, which has its requests", file=sys.stderr)
        return past_of(store, known), {"run": known, "file": path.name}
    records = tuple((0, record) for record in run.records)
    past = Past(path.name, list(run.recipe), run.manifest, run.summary or {}, records, {})
    return past, {"run": None, "file": path.name}


def _same_here(store: Store, document: Mapping[str, Any], manifest: Mapping[str, Any]) -> int | None:
    number, began = document.get("run_id"), manifest.get("started_at")
    if not isinstance(number, int) or began is None:
        return None
    try:
        run = store.runs.get(number)
    except InputError:
        return None
    return number if (run.manifest or {}).get("started_at") == began else None


def _check(store: Store, settings: Settings, spec: ExperimentSpec) -> None:
    """What `run` checks before anything is queued."""
    target = argparse.Namespace(endpoint=spec.endpoint, model=spec.model)
    checkpoint, surroundings = look_at_target(store, settings, target)
    recipe = spec.rungs[0].recipe
    prompts = load_prompt_set(store, spec.prompt_set_id, spec.prompt_limit).prompts
    refuse_idle_rungs(spec.rungs, prompts)
    refuse_unusable(recipe, surroundings)
    refuse_unlaunchable(store, settings, recipe, checkpoint, spec.engine)
    plan_schedule(spec.load, recipe.schedule(), prompts)


def _environment(store: Store, past: Past, repeated: Mapping[str, Any], run: RunRow) -> tuple[Changed, ...]:
    """Both sides as they are handed on, so that a folder by another way of writing it is no difference."""
    before = past.manifest if repeated["run"] is None else run_document(store.runs.get(repeated["run"]))["manifest"]
    told = {name: value for name, value in before.items() if name != "imported"}
    return environment_differences(told, run_document(run)["manifest"])


def _show(past: Past, runs: Sequence[RunRow], found: Judged, changed: Sequence[Changed]) -> None:
    numbers = ("run " if len(runs) == 1 else "runs ") + ", ".join(str(run.id) for run in runs)
    print(f"{past.where} again, as {numbers}: {found.verdict}; {found.comparison.reason}")
    for each in changed:
        print(f"  {each.fact}: {_plain(each.baseline)} then, {_plain(each.candidate)} now")
    titles = ("Metric", "Then", "Now", "Change", "95 % interval", "Verdict")
    show(plain_table(titles, [_row(item) for item in found.comparison.differences.values()], (1, 2, 3, 4)))
    if found.answers is not None:
        told = BY_TAG["same_output"].format(found.answers.identical)
        print(f"{told} of {found.answers.answers} answers are the same to the letter")
    for reason in found.comparison.small_sample:
        print(f"Small sample: {reason}")


def _row(item: Difference) -> tuple[str, ...]:
    metric = BY_TAG[item.metric]
    name, digits = ("Hardware s / request", 4) if metric.relative else (metric.title, metric.digits)
    values = [MISSING if value is None else f"{value:,.{digits}f}" for value in (item.baseline, item.candidate)]
    change = MISSING if item.delta is None else item.format(item.delta)
    span = MISSING if item.interval is None else item.format_span(item.interval)
    return (name, *values, change, span, WORDS[agrees(item)])


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(str(each) for each in value) or MISSING
    return MISSING if value is None else str(value)
