"""`models quantize`: makes a quantized checkpoint of a model and saves it under a name of its own."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from app.commands.common import DONE, RUN_FAILED, add_database, add_json, open_store, print_json
from app.engine.builtin import refuse_builtin
from app.engine.hardware import detect_hardware
from app.engine.hub import find_model
from app.engine.named_models import resolve_models
from app.preparation.checkpoints import make_checkpoint
from app.preparation.job import PreparationError, Progress, Say
from app.preparation.served import check_prepared, orders_of, text_for
from optimizers.errors import InputError
from optimizers.quantization import METHODS, Quantization
from optimizers.recipe import Recipe

MADE_HERE = tuple(name for name, method in METHODS.items() if method.job)


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
    recipe = Recipe.of([(Quantization.key, {name: value for name, value in given.items() if value is not None})])
    find = partial(find_model, store, settings)
    source = find(arguments.model)
    name = arguments.out or f"{source.name.rpartition('/')[2]}-{arguments.method}"
    refuse_builtin(name)
    taken = store.models.find(name)
    resolve_models(recipe, find, source)
    check_prepared(store, recipe, detect_hardware().surroundings(source.config))
    (order,) = orders_of(recipe)
    text = text_for(store, source, order, None)
    try:
        with _progress(arguments.json) as say:
            made = asyncio.run(make_checkpoint(order, source, text, settings, say))
    except PreparationError as error:
        print(f"rung: {source.name} was not quantized: {error}", file=sys.stderr)
        return RUN_FAILED
    except KeyboardInterrupt:
        print("rung: stopped; nothing is left of it, the next start begins anew", file=sys.stderr)
        return RUN_FAILED
    if taken is not None and taken.location != str(made.folder):
        raise InputError(
            f"a model named {name!r} exists at another place; the checkpoint is in {made.folder}: use --out"
        )
    store.models.add(name, str(made.folder))
    if arguments.json:
        print_json(
            {"schema": "rung.quantized/1", "name": name, "location": str(made.folder), "fresh": made.fresh}
            | {"facts": dict(made.facts), "calibration": text.prompt_set}
        )
    else:
        print(f"{'quantized' if made.fresh else 'already there:'} {name}: {_said(dict(made.facts))}")
    return DONE


def _said(facts: dict[str, float]) -> str:
    before, after = facts["weight_bytes_before"] / 2**20, facts["weight_bytes_after"] / 2**20
    parts = [f"weights {before:,.1f} to {after:,.1f} MiB ({before / after:.1f}x smaller)"]
    if "perplexity_after" in facts:
        parts.append(f"perplexity on held-out text {facts['perplexity_before']:.3f} to {facts['perplexity_after']:.3f}")
    parts.append(f"{facts['seconds']:.0f} s, at most {facts['peak_memory_bytes'] / 2**20:,.0f} MiB of memory")
    return "; ".join(parts)


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
