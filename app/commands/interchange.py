"""`import`, `export` and `remove`: results of other clients as runs, runs and whole experiments as files."""

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
from app.interchange.recording_file import ENDING, is_recording, read_recording, record, save_recording, try_out
from app.interchange.save import save_import
from app.reports.documents import run_document
from app.whole_file import write_whole
from app.words import count_of, recorded_on
from optimizers.errors import InputError
from store.store import Store
from store.tables import RunRow

ENDINGS = (".json", ".csv")
RECORDING = "recording"
IMPORTED_SCHEMA = "rung.imported/1"


def add_commands(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    parser = commands.add_parser("import", help="take in another client's results as runs, or a whole experiment")
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--as", choices=(*FORMATS, RECORDING), dest="format", help="the format (default: told from the content)"
    )
    parser.add_argument("--name", help="title of the experiment that the runs become")
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=import_command)

    parser = commands.add_parser("export", help="write runs with their requests as JSON or CSV, or a whole experiment")
    parser.add_argument("runs", type=int, nargs="*", metavar="RUN")
    parser.add_argument("--experiment", type=int, metavar="N", help="all runs of that experiment")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE",
        help=f"ends in .json or .csv; in {ENDING} for a whole experiment, which another Rung can take in",
    )  # fmt: skip
    parser.add_argument(
        "--rows", choices=("requests", "runs"), default="requests", help="of a CSV: a row for each request, or each run"
    )
    add_database(parser)
    parser.set_defaults(run=export_command)

    parser = commands.add_parser("remove", help="delete experiments with all that was measured in them")
    parser.add_argument("experiments", type=int, nargs="*", metavar="EXPERIMENT")
    parser.add_argument("--recorded", action="store_true", help="all that were recorded elsewhere")
    add_database(parser)
    parser.set_defaults(run=remove_command)


def import_command(arguments: argparse.Namespace) -> int:
    if arguments.format == RECORDING or (arguments.format is None and is_recording(arguments.file)):
        return _import_recording(arguments)
    source, found = read_results(arguments.file, arguments.format)
    store, _ = open_store(arguments)
    experiment, new = save_import(store, source, found, arguments.name)
    runs = store.runs.of_experiment(experiment)
    if arguments.json:
        document = {
            "schema": IMPORTED_SCHEMA,
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


def _import_recording(arguments: argparse.Namespace) -> int:
    recording, sha256 = read_recording(arguments.file)
    if arguments.name is not None and not arguments.name.strip():
        raise InputError("--name is empty; give the experiment a name")
    store, _ = open_store(arguments)
    known = store.recordings.find(sha256)
    if known is None:
        try_out(recording, str(arguments.file))
    experiment = known or save_recording(store, recording, sha256, arguments.file.name, arguments.name)
    assert experiment is not None
    row, runs = store.experiments.get(experiment), store.runs.of_experiment(experiment)
    if arguments.json:
        source = {"file": arguments.file.name, "sha256": sha256, "format": RECORDING}
        documents = [run_document(run) for run in runs]
        print_json(
            {
                "schema": IMPORTED_SCHEMA, "experiment_id": experiment, "new": known is None, "source": source,
                "runs": documents,
            }
        )  # fmt: skip
        return DONE
    came = "imported as" if known is None else "already there as"
    print(f"{came} experiment {experiment}: {row.title}, {count_of(len(runs), 'run')}; {recorded_on(row.spec)}")
    return DONE


def remove_command(arguments: argparse.Namespace) -> int:
    if bool(arguments.experiments) == arguments.recorded:
        raise InputError("give the numbers of experiments, or --recorded, and not both")
    store, _ = open_store(arguments)
    numbers = list(dict.fromkeys(arguments.experiments))
    if arguments.recorded:
        numbers = sorted(store.recordings.numbers())
    for number in numbers:
        store.experiments.removable(number)
    for number in numbers:
        store.experiments.remove(number)
    print(f"removed {count_of(len(numbers), 'experiment')}")
    return DONE


def export_command(arguments: argparse.Namespace) -> int:
    if arguments.out.name.endswith(ENDING):
        return _export_whole(arguments)
    if arguments.out.suffix not in ENDINGS:
        raise InputError(f"--out {arguments.out} ends in none of .json, .csv, {ENDING}; name one of them")
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


def _export_whole(arguments: argparse.Namespace) -> int:
    if arguments.experiment is None or arguments.runs:
        raise InputError(f"a file that ends in {ENDING} holds a whole experiment; name it with --experiment N")
    store, settings = open_store(arguments)
    content = record(store, settings, arguments.experiment)
    write_whole(arguments.out, content)
    print(f"wrote {arguments.out}: experiment {arguments.experiment}, {len(content):,} bytes", file=sys.stderr)
    return DONE


def _chosen(store: Store, arguments: argparse.Namespace) -> Sequence[RunRow]:
    if (arguments.experiment is None) == (not arguments.runs):
        raise InputError("give the numbers of runs, or --experiment N, and not both")
    if arguments.experiment is None:
        return [store.runs.get(number) for number in dict.fromkeys(arguments.runs)]
    store.experiments.get(arguments.experiment)
    return store.runs.of_experiment(arguments.experiment)
