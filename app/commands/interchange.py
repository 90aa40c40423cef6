"""`import` and `export`: results of other clients as runs, and runs as files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from app.commands.common import DONE, OneLineParser, add_database, add_json, open_store, print_json
from app.experiment.measure import load_records
from app.interchange.export import Run, export_document, requests_csv, runs_csv
from app.interchange.read import FORMATS, read_results
from app.interchange.save import save_import
from app.reports.documents import run_document
from app.whole_file import write_whole
from optimizers.errors import InputError
from store.store import Store
from store.tables import RunRow

ENDINGS = (".json", ".csv")


def add_commands(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    parser = commands.add_parser("import", help="take in another client's results as runs")
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--as", choices=tuple(FORMATS), dest="format", help="the format (default: told from the content)"
    )
    parser.add_argument("--name", help="title of the experiment that the runs become")
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=import_command)

    parser = commands.add_parser("export", help="write runs with their requests as JSON or CSV")
    parser.add_argument("runs", type=int, nargs="*", metavar="RUN")
    parser.add_argument("--experiment", type=int, metavar="N", help="all runs of that experiment")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="ends in .json or .csv")
    parser.add_argument(
        "--rows", choices=("requests", "runs"), default="requests", help="of a CSV: a row for each request, or each run"
    )
    add_database(parser)
    parser.set_defaults(run=export_command)


def import_command(arguments: argparse.Namespace) -> int:
    source, found = read_results(arguments.file, arguments.format)
    store, _ = open_store(arguments)
    experiment, new = save_import(store, source, found, arguments.name)
    runs = store.runs.of_experiment(experiment)
    if arguments.json:
        document = {
            "schema": "rung.imported/1",
            "experiment_id": experiment,
            "new": new,
            "source": store.experiments.get(experiment).spec["source"],
            "runs": [run_document(run) for run in runs],
        }
        print_json(document)
        return DONE
    came = "imported as" if new else "already there as"
    print(f"{came} experiment {experiment}: {source.file}")
    for run in runs:
        print(f"  run {run.id}: {run.label}, {run.planned_requests} requests")
        for note in (run.manifest or {})["imported"]["notes"]:
            print(f"    note: {note}")
    return DONE


def export_command(arguments: argparse.Namespace) -> int:
    if arguments.out.suffix not in ENDINGS:
        raise InputError(f"--out {arguments.out} ends in neither .json nor .csv; the ending tells what to write")
    store, _ = open_store(arguments)
    rows = _chosen(store, arguments)
    runs: list[Run] = [(run_document(row), [record for _, record in load_records(store, row.id)]) for row in rows]
    if arguments.out.suffix == ".json":
        text = json.dumps(export_document(runs), indent=2, ensure_ascii=False) + "\n"
    else:
        text = requests_csv(runs) if arguments.rows == "requests" else runs_csv(runs)
    write_whole(arguments.out, text.encode())
    print(f"wrote {arguments.out}: {len(runs)} {'run' if len(runs) == 1 else 'runs'}", file=sys.stderr)
    return DONE


def _chosen(store: Store, arguments: argparse.Namespace) -> Sequence[RunRow]:
    if (arguments.experiment is None) == (not arguments.runs):
        raise InputError("give the numbers of runs, or --experiment N, and not both")
    if arguments.experiment is None:
        return [store.runs.get(number) for number in dict.fromkeys(arguments.runs)]
    store.experiments.get(arguments.experiment)
    return store.runs.of_experiment(arguments.experiment)
