"""`requests`: a run's requests, one a line, with every latency that follows from their stamps."""

from __future__ import annotations

import argparse
import csv
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from app.analysis.metric import BY_TAG, MISSING
from app.analysis.requests import TimedRequest, request_rows
from app.commands.common import DONE, OneLineParser, add_database, add_json, open_store, print_json
from app.csv_cell import safe_cell
from app.experiment.measure import load_records
from app.reports.text import plain_table, show
from optimizers.errors import InputError

SCHEMA = "rung.requests/1"
SHOWN = ("send_delay_ms", "ttft_ms", "tpot_ms", "itl_ms", "e2e_ms")
COUNTED = ("prompt_tokens", "cached_tokens", "output_tokens", "chunks")
TITLES = (
    "Prompt", "Due s", *(f"{BY_TAG[tag].title} {BY_TAG[tag].unit}" for tag in SHOWN),
    "Sent", "Cached", "Output", "Chunks", "Error",
)  # fmt: skip


def add_command(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    parser = commands.add_parser("requests", help="a run's requests with all their latencies")
    parser.add_argument("run_id", type=int, metavar="RUN")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write them there, all columns")
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=requests_command)


def requests_command(arguments: argparse.Namespace) -> int:
    store, _ = open_store(arguments)
    run = store.runs.get(arguments.run_id)
    rows = request_rows(load_records(store, run.id))
    if not rows:
        raise InputError(f"run {run.id} has no requests: it is {run.status}, or was imported as figures only")
    if arguments.csv is not None:
        _write(arguments.csv, rows)
    if arguments.json:
        print_json({"schema": SCHEMA, "run_id": run.id, "requests": [asdict(row) for row in rows]})
    elif arguments.csv is None:
        show(plain_table(TITLES, [_cells(row) for row in rows], right=range(len(TITLES) - 1)))
    return DONE


def _cells(row: TimedRequest) -> list[str]:
    latencies = [BY_TAG[tag].format(getattr(row, tag), unit=False) for tag in SHOWN]
    counts = [MISSING if value is None else f"{value:,}" for value in (getattr(row, name) for name in COUNTED)]
    return [str(row.position), f"{row.due_s:.2f}", *latencies, *counts, row.error or ""]


def _write(path: Path, rows: list[TimedRequest]) -> None:
    header = [field.name for field in fields(TimedRequest)]
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(header)
            writer.writerows([_cell(getattr(row, name)) for name in header] for row in rows)
    except OSError as error:
        raise InputError(f"--csv {path} cannot be written ({error.strerror})") from None


def _cell(value: Any) -> Any:
    return "" if value is None else safe_cell(value)
