"""`models fit`: whether a model fits into the memory that is free now, before anything is loaded or downloaded."""

from __future__ import annotations

import argparse
from dataclasses import replace

from rich.text import Text

from app.commands.common import DONE, GATE_FAILED, add_database, add_json, open_store, print_json
from app.engine.fit_words import fit_rows, layout_text, planned_text, refusals, verdict
from app.engine.hardware import detect_hardware, free_memory
from app.engine.hub import find_model
from app.engine.memory_fit import (
    AS_SERVED,
    DEFAULT_CONTEXT,
    DEFAULT_REQUESTS,
    FORMS,
    KV_FORMS,
    Fit,
    Load,
    fit_checkpoint,
)
from app.reports.text import plain_table, show

SCHEMA = "rung.fit/1"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="saved name, folder, or hub id that is on this machine")
    parser.add_argument(
        "--context", type=int, metavar="N", help=f"tokens of the longest request, with its answer ({DEFAULT_CONTEXT})"
    )
    parser.add_argument(
        "--concurrency", type=int, default=DEFAULT_REQUESTS, metavar="N", help=f"requests at once ({DEFAULT_REQUESTS})"
    )
    parser.add_argument(
        "--dtype", choices=FORMS, default=AS_SERVED, help="how the weights are held (as-served: as an engine does)"
    )
    parser.add_argument(
        "--kv-cache-dtype", choices=list(KV_FORMS), default="auto", help="data type of keys and values (auto)"
    )
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=fit_command)


def fit_command(arguments: argparse.Namespace) -> int:
    """0 only for a model that fits and would not be refused."""
    store, settings = open_store(arguments)
    checkpoint = find_model(store, replace(settings, may_download=False), arguments.model)
    context = arguments.context
    if context is None:
        context = min(DEFAULT_CONTEXT, checkpoint.max_length or DEFAULT_CONTEXT)
    load = Load(context, arguments.concurrency)
    weights = checkpoint.read_weights()
    fit = fit_checkpoint(checkpoint, weights, free_memory(), load, arguments.dtype, arguments.kv_cache_dtype)
    refused = refusals(checkpoint, arguments.dtype, arguments.kv_cache_dtype, detect_hardware())
    if arguments.json:
        asked = {"model": checkpoint.name, "dtype": arguments.dtype, "kv_cache_dtype": arguments.kv_cache_dtype}
        attention = {"attention": checkpoint.kv_layout.kind, "unknown": checkpoint.kv_layout.unknown}
        print_json({"schema": SCHEMA, **asked, **fit_document(fit), **attention, "refused": refused})
    else:
        rows = fit_rows(fit)
        show(Text(f"{checkpoint.name}: {' '.join([verdict(fit), *refused])}\n"))
        show(plain_table(tuple(rows[0]), [tuple(row.values()) for row in rows], right=(1,)))
        show(Text(f"\n{layout_text(checkpoint)} {planned_text(checkpoint, detect_hardware(), context)}"))
    return DONE if fit.fits and not refused else GATE_FAILED


def fit_document(fit: Fit) -> dict[str, object]:
    room = fit.room
    return {
        "context": fit.load.context,
        "concurrency": fit.load.requests,
        "fits": fit.fits,
        "verdict": verdict(fit),
        "memory": {
            "kind": room.kind,
            "total_bytes": room.total_bytes,
            "free_bytes": room.free_bytes,
            "usable_bytes": room.usable_bytes,
        },
        "weight_bytes": fit.weight_bytes,
        "kv_cache_bytes": fit.kv_bytes,
        "kv_cache_bytes_per_request": fit.kv_bytes_per_request,
        "assumed": {"activation_bytes": fit.activation_bytes, "engine_bytes": fit.engine_bytes},
        "needed_bytes": fit.needed_bytes,
        "most_requests": fit.most_requests,
        "longest_context": fit.longest_context,
    }
