"""`models quantize`: makes a quantized checkpoint of a model and saves it under a name of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from app.commands.common import DONE, RUN_FAILED, add_database, add_json, open_store, print_json
from app.preparation.job import PreparationError, Progress, Say
from app.preparation.quantizing import MADE_HERE, facts_text, plan_quantizing, quantize


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="M", help="saved name, folder or hub id")
    parser.add_argument("--method", choices=MADE_HERE, default=MADE_HERE[0], help=f"(default: {MADE_HERE[0]})")
    parser.add_argument("--group-size", metavar="N", help="weights that share a scale: 32, 64, 128, or -1 for a row")
    parser.add_argument("--calibration", metavar="SET", help="prompt set that shows the model at work")
    parser.add_argument("--samples", type=int, metavar="N", help="pieces of calibration text of 512 tokens")
    parser.add_argument("--out", metavar="NAME", help="save it under this name (default: the model's and the method's)")
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=quantize_command)


def quantize_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    given = {
        "method": arguments.method,
        "group_size": arguments.group_size,
        "calibration": arguments.calibration,
        "calibration_samples": arguments.samples,
    }
    wish = plan_quantizing(
        store, settings, arguments.model, {name: value for name, value in given.items() if value is not None},
        arguments.out,
    )  # fmt: skip
    try:
        with _progress(arguments.json) as say:
            made = asyncio.run(quantize(store, settings, wish, say))
    except PreparationError as error:
        print(f"rung: {wish.source.name} was not quantized: {error}", file=sys.stderr)
        return RUN_FAILED
    except KeyboardInterrupt:
        print("rung: stopped; nothing is left of it, the next start begins anew", file=sys.stderr)
        return RUN_FAILED
    name, text = wish.name, wish.text
    if arguments.json:
        print_json(
            {"schema": "rung.quantized/1", "name": name, "location": str(made.folder), "fresh": made.fresh}
            | {"facts": dict(made.facts), "calibration": text.prompt_set}
        )
    else:
        print(f"{'quantized' if made.fresh else 'already there:'} {name}: {facts_text(made.facts)}")
    return DONE


@contextmanager
def _progress(quiet: bool) -> Iterator[Say]:
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )  # fmt: skip
    with Bar(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("Starting", total=None)
        last = ""

        def say(progress: Progress) -> None:
            nonlocal last
            bar.update(task, description=progress.what, total=progress.total or None, completed=progress.done)
            if not quiet and not console.is_terminal and progress.what != last:
                console.print(f"{progress.what} ({progress.done} of {progress.total or '?'})")
                last = progress.what

        yield say
