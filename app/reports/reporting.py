"""Reads an experiment, or compared runs, into a report and writes its forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from time import time
from typing import Any

from app.analysis.pooling import merged_evidence
from app.analysis.sweep import Slo, sweep
from app.analysis.trade_off import Limits
from app.experiment.comparing import Pairing, Side, pairs_of
from app.experiment.measure import load_records
from app.experiment.results import first_manifest, load_ladder, measured_loads, prompts_of
from app.experiment.spec import kept_slo
from app.reports.compare_report import compare_report, compared_prompts
from app.reports.documents import compare_document, experiment_document, side_document, without_machine
from app.reports.html import to_html
from app.reports.ladder_report import Answered, asked_of, ladder_report
from app.reports.markdown import to_markdown
from app.reports.pdf import to_pdf
from app.reports.repeating import compare_command, measuring_commands
from app.reports.report import Asked, Report, Texts
from app.reports.spreadsheet import prompts_csv, to_csv
from app.reports.sweep_report import sweep_document, sweep_report
from app.views.wording import to_hand_on
from optimizers.errors import InputError
from store.imports import IMPORTED
from store.store import Store
from store.tables import ExperimentRow, RunRow

SWEEP = "sweep"
WITHOUT = {IMPORTED: "imported, and has no rungs: compare its runs with others"}
FORMS: Mapping[str, Callable[[Report], str | bytes]] = {
    "html": to_html, "pdf": to_pdf, "md": to_markdown, "csv": to_csv,
}  # fmt: skip
ENDINGS = "end in .html, .pdf, .md, .csv or .json"
PROMPTS_CSV = "prompts.csv"
"""A further form: prompts and answers as a table, where `csv` has the figures."""


def load_report(store: Store, experiment_id: int, texts: Texts = "full", slo: Slo | None = None) -> Report:
    """`slo` is for a load sweep. Raises InputError for a kind of experiment that has no report."""
    experiment = store.experiments.get(experiment_id)
    if experiment.kind in WITHOUT:
        raise InputError(f"experiment {experiment_id} is {WITHOUT[experiment.kind]}")
    runs = store.runs.of_experiment(experiment_id)
    manifest = first_manifest(runs)
    repeat = [to_hand_on(line) for line in _again(experiment, runs, slo)]
    if experiment.kind == SWEEP:
        evidence = merged_evidence([run.summary for run in runs if run.summary])
        found = sweep(measured_loads(store, experiment_id), slo)
        return sweep_report(experiment, found, slo, manifest, evidence, repeat=repeat, now=time())
    answered = [] if texts == "none" else _answered(store, runs)
    asked = prompts_of(store, experiment_id)
    ladder = load_ladder(store, experiment_id)
    return ladder_report(experiment, ladder, manifest, asked, answered, texts, repeat=repeat, now=time())


def _again(experiment: ExperimentRow, runs: Sequence[RunRow], slo: Slo | None) -> list[str]:
    """What measures the experiment again."""
    name = first_manifest(runs).get("prompt_set", {}).get("name", "")
    done = [run.id for run in runs if run.status == "done"]
    return measuring_commands(experiment.spec, experiment.kind, name, slo, done)


def _answered(store: Store, runs: Sequence[RunRow]) -> list[Answered]:
    """The first finished repeat of each rung."""
    done = [run for run in runs if run.status == "done"]
    return [
        Answered(run.label, {record.position: record for _, record in load_records(store, run.id, chunks=False)})
        for run in (next(group) for _, group in groupby(done, key=lambda run: run.rung))
    ]


def whole_prompts(store: Store, experiment_id: int, texts: Texts) -> list[Asked]:
    """Prompts and answers for programs, nothing shortened; none where the texts or the prompts are."""
    asked = None if texts == "none" else prompts_of(store, experiment_id)
    if asked is None:
        return []
    return asked_of(asked, _answered(store, store.runs.of_experiment(experiment_id)), texts, None)


def rendered(store: Store, experiment_id: int, form: str, texts: Texts = "full", slo: Slo | None = None) -> bytes:
    """The report in one of its forms: html, pdf, md, csv, prompts.csv, or json. Raises InputError for another."""
    if form == PROMPTS_CSV:
        if store.experiments.get(experiment_id).kind in (SWEEP, *WITHOUT):
            raise InputError(f"experiment {experiment_id} lists no prompts; compare its runs with others for that")
        return _listed(whole_prompts(store, experiment_id, texts), texts)
    if form != "json":
        return _written(load_report(store, experiment_id, texts, slo), form)
    experiment, runs = store.experiments.get(experiment_id), store.runs.of_experiment(experiment_id)
    manifest, prompts = first_manifest(runs), dict[str, Any]()
    if experiment.kind == SWEEP:
        found = sweep_document(experiment, sweep(measured_loads(store, experiment_id), slo), slo)
        found["evidence"] = [dict(item) for item in merged_evidence([run.summary for run in runs if run.summary])]
        found["manifest"] = dict(manifest)
    else:
        found = experiment_document(experiment, runs, load_ladder(store, experiment_id))
        prompts = {"prompts": [asdict(asked) for asked in whole_prompts(store, experiment_id, texts)]}
    told = without_machine(found | {"repeat": _again(experiment, runs, slo)})
    # What people wrote and models answered stands as it is.
    return _json(told | prompts)


def load_comparison(
    store: Store, before: Side, pairings: Sequence[Pairing], texts: Texts = "full", limits: Limits | None = None
) -> Report:
    """Of a baseline and its candidates."""
    repeat = repeat_lines(store, [before, *(each.side for each in pairings)], limits)
    return compare_report(before, pairings, before.prompts, repeat, texts, limits, now=time())


def rendered_comparison(
    store: Store, before: Side, pairings: Sequence[Pairing], form: str, texts: Texts = "full",
    limits: Limits | None = None,
) -> bytes:  # fmt: skip
    """As `rendered`, of a baseline and its candidates."""
    if form not in ("json", PROMPTS_CSV):
        return _written(load_comparison(store, before, pairings, texts, limits), form)
    others = [each.side for each in pairings]
    asked = compared_prompts(before, pairings, before.prompts, texts, None, worst_first=False)
    if form == PROMPTS_CSV:
        return _listed(asked, texts)
    document = compare_document(
        before.key,
        {each.side.key: each.found for each in pairings},
        {each.side.key: each.changed for each in pairings},
        {each.side.key: pairs_of(before, each) for each in pairings} if texts != "none" else {},
    )
    more = {
        "sides": [side_document(side) for side in (before, *others)],
        "repeat": repeat_lines(store, [before, *others], limits),
        "limits": str(limits) if limits is not None and limits.any else None,
    }
    return _json(without_machine(document | more) | {"prompts": [asdict(each) for each in asked]})


def repeat_lines(store: Store, sides: Sequence[Side], limits: Limits | None = None) -> list[str]:
    """The command lines that measure the sides' experiments again, and the one that compares them with these limits."""
    lines: dict[str, None] = {}
    for side in sides:
        experiment = store.experiments.get(side.experiment_id)
        name = side.manifest.get("prompt_set", {}).get("name", "")
        runs = side.run_ids if side.data.positions else ()
        slo = kept_slo(experiment.spec) if experiment.kind == SWEEP else None
        lines |= dict.fromkeys(measuring_commands(experiment.spec, experiment.kind, name, slo, runs))
    return [*lines, compare_command([side.key for side in sides], limits)]


def _written(report: Report, form: str) -> bytes:
    if form not in FORMS:
        raise InputError(f"there is no report of the form {form!r}; let the file's name {ENDINGS}")
    made = FORMS[form](report)
    return made if isinstance(made, bytes) else made.encode()


def _listed(asked: Sequence[Asked], texts: Texts) -> bytes:
    if texts == "none":
        raise InputError("a list of prompts without prompts was asked for; give --texts full or redacted")
    return prompts_csv(asked).encode()


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
