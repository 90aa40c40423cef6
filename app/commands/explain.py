"""`explain`: the costs of a run, each unfolded into its formula and what went into it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.text import Text

from app.analysis.explain import Explained, api_price, explain
from app.analysis.metric import MISSING
from app.analysis.sweep import Slo
from app.commands.common import DONE, OneLineParser, add_database, add_json, open_store, print_json
from app.experiment.measure import load_records
from app.reports.text import show
from optimizers.errors import InputError
from store.store import Store

SCHEMA = "rung.explain/1"


def add_command(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    parser = commands.add_parser("explain", help="unfold a run's costs into formulas and their inputs")
    parser.add_argument("run_id", type=int, metavar="RUN")
    parser.add_argument("--figure", metavar="KEY", help="only this one, by its key in the --json document")
    parser.add_argument("--price-per-hour", type=float, metavar="USD", help="of the hardware (default: the run's own)")
    parser.add_argument(
        "--api-model", metavar="NAME", help="beside it what the same tokens cost at an API, e.g. gpt-4o-mini"
    )
    parser.add_argument(
        "--slo", metavar="LIMITS", help="e.g. ttft_ms=500,tpot_ms=50: goodput, and the cost of its requests"
    )
    parser.add_argument("--energy-price", type=float, metavar="USD", help="of a kWh")
    parser.add_argument("--watts", type=float, help="what the hardware draws, where its counters cannot be read")
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=explain_command)


def explain_command(arguments: argparse.Namespace) -> int:
    for option in ("price_per_hour", "watts", "energy_price"):
        value = getattr(arguments, option)
        if value is not None and not 0 <= value < float("inf"):
            raise InputError(f"--{option.replace('_', '-')} is {value}; give 0 or more")
    if arguments.watts is not None and arguments.energy_price is None:
        raise InputError("--watts alone has no price; give --energy-price too")
    slo = None if arguments.slo is None else Slo.read(arguments.slo)
    store, _ = open_store(arguments)
    run = store.runs.get(arguments.run_id)
    if run.status != "done" or run.summary is None:
        raise InputError(f"run {run.id} is {run.status}; only a finished run has costs")
    if run.summary.get("seconds") is None:
        raise InputError(f"run {run.id} has no length of its own, so nothing can be worked out from it")
    price = (run.manifest or {}).get("price_per_hour") if arguments.price_per_hour is None else arguments.price_per_hour
    api = api_price(arguments.api_model, _prompt_tokens(run.summary)) if arguments.api_model else None
    good = None if slo is None else _good(store, run.id, slo)
    found = explain(run.summary, price, api, arguments.watts, arguments.energy_price, good)
    if arguments.figure is not None:
        found = _chosen(found, arguments.figure)
    if arguments.json:
        print_json({"schema": SCHEMA, "run_id": run.id, "figures": [asdict(each) for each in found]})
    else:
        show(Text(f"Run {run.id}: {run.label}", style="bold"))
        for each in found:
            show(Text(_told(each)))
    return DONE


def _good(store: Store, run_id: int, slo: Slo) -> int:
    records = load_records(store, run_id)
    if not records:
        raise InputError(f"run {run_id} has no requests of its own, so that none can be held against an SLO")
    return sum(slo.met(record) for _, record in records)


def _chosen(found: list[Explained], key: str) -> list[Explained]:
    chosen = [each for each in found if each.key == key]
    if not chosen:
        raise InputError(f"there is no figure {key!r} here; use one of: {', '.join(each.key for each in found)}")
    return chosen


def _prompt_tokens(summary: Mapping[str, Any]) -> int:
    """Of a request, on average; that of a short one where the server did not count."""
    sent, answered = summary["metrics"].get("sent_prompt_tokens"), summary["requests"] - summary["errors"]
    return round(sent / answered) if sent and answered else 1000


def _told(each: Explained) -> str:
    if each.result is None:
        return f"\n{each.title}: {MISSING}\n  {each.formula}\n  not known: {each.missing or 'it divides by 0'}"
    lines = [f"\n{each.title}: {_number(each.result)} {each.unit}", f"  = {each.formula}"]
    return "\n".join(lines + [f"    {i.name} = {_number(i.value)} {i.unit} ({i.source})" for i in each.inputs])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:,.4g}"
