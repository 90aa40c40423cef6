"""`sweep`: one recipe under growing load, for its knee and the highest load within an SLO."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from app.analysis.metric import MISSING
from app.analysis.summary import LATENCIES
from app.analysis.sweep import Point, Slo, Sweep, sweep
from app.commands.choice import RECIPE_HELP, add_set_option, chosen_recipe
from app.commands.common import OneLineParser, open_store, print_json
from app.commands.measuring import (
    add_rest,
    add_target,
    asked_prompts,
    carry_out,
    checked_rungs,
    exit_code,
    look_at_target,
    refuse_idle_rungs,
    refuse_unusable,
    say_cautions,
    short_name,
    spec_of,
    time_spent,
    write_document,
)  # fmt: skip
from app.experiment.results import measured_loads
from app.experiment.spec import kept_slo
from app.experiment.sweep_loads import KIND, Varied, sweep_loads, sweep_rungs
from app.replay.load import LoadProfile
from app.reports.sweep_report import is_open, sweep_document
from app.reports.text import plain_table, show
from store.store import Store
from store.tables import ExperimentRow


def add_command(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    parser = commands.add_parser("sweep", help="measure one recipe under growing load: knee, goodput, highest load")
    add_target(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--recipe", metavar="NAME_OR_FILE", help=RECIPE_HELP)
    what.add_argument("--techniques", metavar="A,B,C", help="the recipe, by its techniques")
    add_set_option(parser)
    loads = parser.add_mutually_exclusive_group(required=True)
    loads.add_argument("--rates", metavar="R,R,..", help="open loop: requests a second")
    loads.add_argument("--concurrencies", metavar="N,N,..", help="closed loop: requests in flight")
    parser.add_argument("--arrivals", choices=("poisson", "constant"), default="poisson", help="of --rates (poisson)")
    parser.add_argument("--history", choices=("live", "saved"), default="live", help="as for run (live)")
    parser.add_argument(
        "--slo", metavar="M=MS,..", help=f"limits for goodput: {', '.join(LATENCIES)}; kept with the sweep"
    )
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="of every load (3)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write sweep.json there")
    add_rest(parser)
    parser.set_defaults(run=sweep_command)


def sweep_command(arguments: argparse.Namespace) -> int:
    slo = Slo.read(arguments.slo) if arguments.slo else None
    store, settings = open_store(arguments)
    recipe = chosen_recipe(store, arguments)
    loads = _loads(arguments)
    checkpoint, surroundings = look_at_target(store, settings, arguments)
    prompts = asked_prompts(store, arguments)
    rungs = sweep_rungs(recipe, loads, prompts)
    refuse_idle_rungs(rungs[:1], prompts)
    refuse_unusable(recipe, surroundings)
    rungs = checked_rungs(store, settings, arguments, rungs, checkpoint)
    spec = replace(spec_of(store, settings, arguments, KIND, rungs, loads[0]), slo=slo)
    say_cautions(store, settings, spec, checkpoint)
    out = None if arguments.out is None else arguments.out / "sweep.json"
    title = f"Load sweep: {recipe.title}, {short_name(spec)} on {store.prompt_sets.get(spec.prompt_set_id).name}"
    experiment = carry_out(store, settings, arguments, spec, title, out)
    return tell(store, experiment, arguments.json, out)


def tell(store: Store, experiment: ExperimentRow, as_json: bool, out: Path | None = None) -> int:
    """Prints what came of a sweep, by the limits that it was started with, and writes it; the exit code."""
    slo = kept_slo(experiment.spec)
    found = sweep(measured_loads(store, experiment.id), slo)
    document = sweep_document(experiment, found, slo)
    if out is not None:
        write_document(out, document)
    if as_json:
        print_json(document)
    elif experiment.status == "done":
        show(sweep_table(found, slo, is_open(experiment)))
        print(f"\nExperiment {experiment.id}; {time_spent(experiment)}")
    return exit_code(experiment)


def _loads(arguments: argparse.Namespace) -> tuple[LoadProfile, ...]:
    """One profile for each load that was named, by growing load."""
    history, seed = arguments.history, arguments.seed
    if arguments.rates is None:
        return sweep_loads("closed_loop", arguments.concurrencies, "--concurrencies", history, seed)
    kind: Varied = "poisson" if arguments.arrivals == "poisson" else "constant_rate"
    return sweep_loads(kind, arguments.rates, "--rates", history, seed)


def sweep_table(found: Sweep, slo: Slo | None, is_open: bool) -> Group:
    unit = "requests/s" if is_open else "in flight"
    titles = (
        "Offered", "req/s", "tok/s", "TTFT p50", "TTFT p95", "TPOT p50", "E2E p95", "Goodput", "Within SLO", "Errors",
    )  # fmt: skip
    rows = [_cells(point) for point in found.points]
    lines: list[RenderableType] = [plain_table(titles, rows, range(len(titles)))]
    lines.append(Text(f"\nOffered is {unit}; times are in milliseconds from when a request was due"))
    if found.knee is not None:
        lines.append(Text(f"Knee: {found.knee:g} {unit}; beyond it latency grows faster than throughput"))
    if slo is not None:
        limits = ", ".join(f"{tag} at most {limit:g}" for tag, limit in slo.limits.items())
        highest = "none" if found.highest is None else f"{found.highest:g} {unit}"
        reason = f" ({found.reason})" if found.reason else ""
        lines.append(Text(f"Highest load with {slo.share:.0%} of the requests within {limits}: {highest}{reason}"))
    return Group(*lines)


def _cells(point: Point) -> tuple[str, ...]:
    def figure(value: float | None, digits: int = 0) -> str:
        return MISSING if value is None else f"{value:,.{digits}f}"

    good = MISSING if point.good_share is None else f"{point.good_share:.1%}"
    return (
        f"{point.offered:g}", figure(point.requests_per_s, 2), figure(point.output_tokens_per_s, 1),
        figure(point.ttft_ms["p50"]), figure(point.ttft_ms["p95"]), figure(point.tpot_ms["p50"], 1),
        figure(point.e2e_ms["p95"]), figure(point.goodput, 2), good, str(point.errors),
    )  # fmt: skip
