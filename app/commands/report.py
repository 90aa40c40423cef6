"""`report`: an experiment as a document for people who do not have the studio."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.analysis.summary import LATENCIES
from app.analysis.sweep import Slo
from app.commands.common import DONE, OneLineParser, add_database, add_json, open_store, print_json
from app.experiment.spec import kept_slo
from app.reports.reporting import ENDINGS, FORMS, PROMPTS_CSV, rendered
from app.whole_file import write_whole
from optimizers.errors import InputError
from store.store import Store

SCHEMA = "rung.report/1"
NO_LIMITS = "none"
TEXTS = ("full", "redacted", "none")


def add_command(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    parser = commands.add_parser("report", help="write an experiment as HTML, PDF, Markdown, CSV or JSON")
    parser.add_argument("experiment", type=int)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="its ending says which: .html, .pdf, .md, .csv or .json"
    )
    parser.add_argument(
        "--texts", choices=TEXTS, default="full",
        help="prompts and answers. full: all; redacted: how each did, without words; none: no list of prompts (full)",
    )  # fmt: skip
    parser.add_argument(
        "--per-prompt", action="store_true",
        help="for .csv: a row for each prompt on each rung, with its texts, in place of a row of figures for each rung",
    )  # fmt: skip
    parser.add_argument(
        "--slo", metavar="M=MS,..",
        help=f"limits for a load sweep: {', '.join(LATENCIES)}, or none (those that it was started with)",
    )  # fmt: skip
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=report_command)


def report_command(arguments: argparse.Namespace) -> int:
    store, _ = open_store(arguments)
    form = form_of(arguments.out, arguments.per_prompt)
    if arguments.per_prompt and form != PROMPTS_CSV:
        raise InputError(f"--per-prompt is for a .csv; {arguments.out} lists prompts by itself, as --texts says")
    content = rendered(store, arguments.experiment, form, arguments.texts, _limits(store, arguments))
    write_whole(arguments.out, content)
    if arguments.json:
        print_json(
            {
                "schema": SCHEMA, "experiment_id": arguments.experiment, "file": str(arguments.out),
                "bytes": len(content), "texts": arguments.texts,
            }
        )  # fmt: skip
    else:
        print(f"{arguments.out}: {len(content):,} bytes")
    return DONE


def form_of(out: Path, per_prompt: bool) -> str:
    """The form of a report by its file's ending. Raises InputError for another ending."""
    form = out.suffix.removeprefix(".").lower()
    if form not in (*FORMS, "json"):
        raise InputError(f"--out {out}: let its name {ENDINGS}")
    return PROMPTS_CSV if form == "csv" and per_prompt else form


def _limits(store: Store, arguments: argparse.Namespace) -> Slo | None:
    if arguments.slo is None:
        return kept_slo(store.experiments.get(arguments.experiment).spec)
    return None if arguments.slo == NO_LIMITS else Slo.read(arguments.slo)
