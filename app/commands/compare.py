"""`compare`: finished runs against a baseline run, with gates for continuous integration."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Group
from rich.text import Text

from app.analysis.compare import MEASURES, Comparison
from app.analysis.statistics import Interval
from app.analysis.summary import LATENCIES
from app.analysis.trade_off import QUALITY, Limits
from app.commands.common import DONE, GATE_FAILED, OneLineParser, add_database, add_json, open_store, print_json
from app.commands.report import TEXTS, form_of
from app.experiment.comparing import find_pairings, pairs_of
from app.reports.documents import compare_document
from app.reports.reporting import ENDINGS, rendered_comparison
from app.reports.text import compare_table, pairs_table, show
from app.whole_file import write_whole
from optimizers.errors import InputError

GATE = re.compile(
    r"^\s*(?P<metric>[a-z0-9_]+)\s*(?P<sign>[<>])\s*(?P<bound>[+-]?\d+(?:\.\d+)?)\s*(?P<unit>%|points?)?\s*$"
)
ALIASES = {"cost": "relative_cost", "ttft": "ttft_ms", "tpot": "tpot_ms", "e2e": "e2e_ms", "tokens": "output_tokens"}


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
    parser.add_argument(
        "runs", nargs="+", metavar="RUN",
        help="run numbers, or EXPERIMENT.RUNG for all finished repeats of a rung; the first is the baseline",
    )  # fmt: skip
    parser.add_argument("--baseline", metavar="RUN", help="another baseline than the first")
    parser.add_argument(
        "--fail-if", action="append", default=[], metavar="'cost>+5%'",
        help="exit with 1 when the whole 95 %% interval of a change lies beyond the bound; quality changes in "
        "percentage points: 'quality<-2'",
    )  # fmt: skip
    parser.add_argument(
        "--per-prompt", action="store_true", help="list each prompt, the worst regression first; in a .csv too"
    )
    parser.add_argument("--strict", action="store_true", help="a gate whose bound lies within the interval fails too")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"write a report as well; let its name {ENDINGS}")
    parser.add_argument("--texts", choices=TEXTS, default="full", help="of prompts and answers in it, as for report")
    parser.add_argument(
        "--limits", metavar="M=N,..", default="",
        help=f"of the report's trade-offs: p95 in ms ({', '.join(LATENCIES)}) and {QUALITY}, expected answers in %%",
    )  # fmt: skip
    parser.add_argument("--format", choices=("table", "json"), default="table")
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=compare_command)


def compare_command(arguments: argparse.Namespace) -> int:
    store, _ = open_store(arguments)
    gates = [_parse_gate(text) for text in arguments.fail_if]
    form = _form(arguments)
    limits = Limits.read(arguments.limits)
    if limits.any and form is None:
        raise InputError("--limits is of a report; give --out FILE as well")
    first = arguments.runs[0] if arguments.baseline is None else arguments.baseline
    others = [key for key in dict.fromkeys(arguments.runs) if key != first]
    if not others:
        raise InputError("there is nothing to compare: give at least two different runs")
    before, pairings = find_pairings(store, [first, *others])
    if form is not None:
        content = rendered_comparison(store, before, pairings, form, arguments.texts, limits)
        write_whole(arguments.out, content)
    found = {each.side.key: each.found for each in pairings}
    changed = {each.side.key: each.changed for each in pairings}
    pairs = {}
    if arguments.per_prompt:
        pairs = {each.side.key: pairs_of(before, each) for each in pairings if each.found.differences}
    if arguments.json or arguments.format == "json":
        print_json(compare_document(before.key, found, changed, pairs))
    else:
        show(compare_table(before.key, found, changed, {each.side.key: each.doubts for each in pairings}))
        for key, each in pairs.items():
            show(Group(Text(f"\nRun {key}, prompt by prompt", style="bold"), pairs_table(each)))
        if form is not None:
            print(f"{arguments.out}: {len(content):,} bytes")
    failed = [line for key, comparison in found.items() for gate in gates for line in _broken(key, comparison, gate)]
    undecided = [
        line for key, comparison in found.items() for gate in gates for line in _undecided(key, comparison, gate)
    ]
    for line in failed:
        print(f"rung: gate failed: {line}", file=sys.stderr)
    for line in undecided:
        print(f"rung: gate undecided: {line}", file=sys.stderr)
    return GATE_FAILED if failed or (arguments.strict and undecided) else DONE


def _form(arguments: argparse.Namespace) -> str | None:
    """The form of --out by its ending; None without."""
    return None if arguments.out is None else form_of(arguments.out, arguments.per_prompt)


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


def _broken(run_id: str, comparison: Comparison, gate: Gate) -> list[str]:
    """A gate breaks on the interval, not on the bare change; what cannot be compared breaks every gate."""
    if comparison.verdict in ("not comparable", "failed"):
        return [f"run {run_id} is {comparison.verdict}: {comparison.reason}"]
    difference = comparison.differences[gate.tag]
    if difference.interval is None:
        return [f"run {run_id}: {gate.tag} could not be measured"]
    if not gate.is_broken_by(difference.interval):
        return []
    return [f"run {run_id}: {gate.tag} changed by {difference.format_span(difference.interval)}"]


def _undecided(run_id: str, comparison: Comparison, gate: Gate) -> list[str]:
    """Where the bound lies within the interval: more repeats would tell."""
    difference = comparison.differences.get(gate.tag)
    if difference is None or difference.interval is None or not gate.is_undecided_by(difference.interval):
        return []
    return [f"run {run_id}: {gate.tag} changed by {difference.format_span(difference.interval)}; measure more repeats"]
