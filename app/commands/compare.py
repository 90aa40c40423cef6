"""`compare`: finished runs against a baseline run, with gates for continuous integration."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass, replace
from typing import Literal

from rich.console import Group
from rich.text import Text

from app.analysis.compare import MEASURES, Comparison, RungData, compare, corrected, not_known
from app.analysis.environment import environment_differences
from app.analysis.per_prompt import prompt_pairs
from app.analysis.statistics import Interval
from app.commands.common import DONE, GATE_FAILED, OneLineParser, add_database, add_json, open_store, print_json
from app.experiment.results import prompts_of, rung_data
from app.interchange.compare import compare_summaries
from app.reports.documents import compare_document
from app.reports.text import compare_table, pairs_table, show
from optimizers.errors import InputError
from store.store import Store
from store.tables import RunRow

GATE = re.compile(
    r"^\s*(?P<metric>[a-z0-9_]+)\s*(?P<sign>[<>])\s*(?P<bound>[+-]?\d+(?:\.\d+)?)\s*(?P<unit>%|points?)?\s*$"
)
ALIASES = {"cost": "relative_cost", "ttft": "ttft_ms", "tpot": "tpot_ms", "e2e": "e2e_ms", "tokens": "output_tokens"}

Measured = tuple[RunRow, RungData]
"""A finished run and what was measured in it."""


@dataclass(frozen=True)
class Gate:
    """`bound` is in the unit of the metric's differences: a share, or percentage points."""

    tag: str
    sign: Literal["<", ">"]
    bound: float

    def is_broken_by(self, change: Interval) -> bool:
        return change.low > self.bound if self.sign == ">" else change.high < self.bound

    def is_undecided_by(self, change: Interval) -> bool:
        return change.low <= self.bound < change.high if self.sign == ">" else change.low < self.bound <= change.high


def add_command(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    parser = commands.add_parser("compare", help="compare finished runs with a baseline run")
    parser.add_argument("runs", type=int, nargs="+", metavar="RUN", help="run numbers; the first is the baseline")
    parser.add_argument("--baseline", type=int, metavar="RUN", help="another baseline than the first")
    parser.add_argument(
        "--fail-if", action="append", default=[], metavar="'cost>+5%'",
        help="exit with 1 when the whole 95 %% interval of a change lies beyond the bound; quality changes in "
        "percentage points: 'quality<-2'",
    )  # fmt: skip
    parser.add_argument("--per-prompt", action="store_true", help="list each prompt, the worst regression first")
    parser.add_argument("--strict", action="store_true", help="a gate whose bound lies within the interval fails too")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=compare_command)


def compare_command(arguments: argparse.Namespace) -> int:
    store, _ = open_store(arguments)
    gates = [_parse_gate(text) for text in arguments.fail_if]
    baseline_id = arguments.runs[0] if arguments.baseline is None else arguments.baseline
    others = [run_id for run_id in dict.fromkeys(arguments.runs) if run_id != baseline_id]
    if not others:
        raise InputError("there is nothing to compare: give at least two different runs")
    rows = {run_id: _finished(store, run_id) for run_id in (baseline_id, *others)}
    data = {run_id: rung_data(store, [row], prompts_of(store, row.experiment_id)) for run_id, row in rows.items()}
    baseline = (rows[baseline_id], data[baseline_id])
    judged = corrected([_compare(baseline, (rows[run_id], data[run_id])) for run_id in others])
    found = dict(zip(others, judged, strict=True))
    manifest = rows[baseline_id].manifest or {}
    changed = {run_id: environment_differences(manifest, rows[run_id].manifest or {}) for run_id in others}
    pairs = {}
    if arguments.per_prompt:
        pairs = {run_id: prompt_pairs(baseline[1], data[run_id]) for run_id in others if found[run_id].differences}
    if arguments.json or arguments.format == "json":
        print_json(compare_document(baseline_id, found, changed, pairs))
    else:
        show(compare_table(baseline_id, found, changed))
        for run_id, each in pairs.items():
            show(Group(Text(f"\nRun {run_id}, prompt by prompt", style="bold"), pairs_table(each)))
    failed = [
        line for run_id, comparison in found.items() for gate in gates for line in _broken(run_id, comparison, gate)
    ]
    undecided = [
        line for run_id, comparison in found.items() for gate in gates for line in _undecided(run_id, comparison, gate)
    ]
    for line in failed:
        print(f"rung: gate failed: {line}", file=sys.stderr)
    for line in undecided:
        print(f"rung: gate undecided: {line}", file=sys.stderr)
    return GATE_FAILED if failed or (arguments.strict and undecided) else DONE


def _compare(baseline: Measured, candidate: Measured) -> Comparison:
    """With what nobody knows of an imported run said beside the verdict."""
    (before, one), (after, other) = baseline, candidate
    if _only_summary(before, one) or _only_summary(after, other):
        found = compare_summaries(before.summary or {}, after.summary or {}, (one, other))
    else:
        found = compare(one, other)
    unknown = not_known(one, other)
    return found if unknown is None else replace(found, reason=f"{found.reason}; {unknown}")


def _only_summary(run: RunRow, data: RungData) -> bool:
    summary = run.summary or {}
    return not data.positions and summary.get("requests", 0) > summary.get("errors", 0)


def _finished(store: Store, run_id: int) -> RunRow:
    run = store.runs.get(run_id)
    if run.status != "done":
        raise InputError(f"run {run_id} is {run.status}; only finished runs can be compared")
    return run


def _parse_gate(text: str) -> Gate:
    match = GATE.match(text)
    tag = ALIASES.get(match["metric"], match["metric"]) if match else ""
    if match is None or tag not in MEASURES:
        names = ", ".join([*ALIASES, *MEASURES])
        raise InputError(f"--fail-if {text!r} is no gate; write it like 'cost>+5%', with one of: {names}")
    in_points = MEASURES[tag].unit == "points"
    if in_points and match["unit"] == "%":
        raise InputError(f"--fail-if {text!r} is no gate: {tag} changes in points; write it like '{tag}<-2'")
    if not in_points and match["unit"] != "%":
        raise InputError(f"--fail-if {text!r} is no gate: {tag} changes in percent; write it like '{tag}>+5%'")
    sign: Literal["<", ">"] = ">" if match["sign"] == ">" else "<"
    return Gate(tag, sign, float(match["bound"]) / (1 if in_points else 100))


def _broken(run_id: int, comparison: Comparison, gate: Gate) -> list[str]:
    """A gate breaks on the interval, not on the bare change; what cannot be compared breaks every gate."""
    if comparison.verdict in ("not comparable", "failed"):
        return [f"run {run_id} is {comparison.verdict}: {comparison.reason}"]
    difference = comparison.differences[gate.tag]
    if difference.interval is None:
        return [f"run {run_id}: {gate.tag} could not be measured"]
    if not gate.is_broken_by(difference.interval):
        return []
    return [f"run {run_id}: {gate.tag} changed by {difference.format_span(difference.interval)}"]


def _undecided(run_id: int, comparison: Comparison, gate: Gate) -> list[str]:
    """Where the bound lies within the interval: more repeats would tell."""
    difference = comparison.differences.get(gate.tag)
    if difference is None or difference.interval is None or not gate.is_undecided_by(difference.interval):
        return []
    return [f"run {run_id}: {gate.tag} changed by {difference.format_span(difference.interval)}; measure more repeats"]
