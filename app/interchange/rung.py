"""Runs that another Rung exported: `rung.run/1` with its records, or `rung.export/1`, which holds several.

Metrics, intervals and evidence are taken as they were measured; records only serve comparing. Paths are gone from such
a file, so a run cannot be repeated from it on this machine without naming the model again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from app.interchange.imported import ImportedRun
from app.replay.record import RequestRecord
from app.reports.documents import RUN_SCHEMA
from optimizers.errors import InputError
from optimizers.recipe import Recipe

EXPORT_SCHEMA = "rung.export/1"
KEPT = ("metrics", "intervals", "evidence", "requests", "errors", "error_examples", "suspect")


def is_rung(document: Any) -> bool:
    return isinstance(document, Mapping) and str(document.get("schema", "")).startswith(("rung.run/", "rung.export/"))


def read_rung(document: Mapping[str, Any], where: str) -> list[ImportedRun]:
    if document["schema"] not in (RUN_SCHEMA, EXPORT_SCHEMA):
        raise InputError(
            f"{where}: schema {document['schema']}; this Rung reads {RUN_SCHEMA} and {EXPORT_SCHEMA}: update it"
        )
    runs = document.get("runs") if document["schema"] == EXPORT_SCHEMA else [document]
    if not isinstance(runs, list) or not runs:
        raise InputError(f"{where}: it holds no run")
    return [_run(run, f"{where}, run {at}") for at, run in enumerate(runs, 1)]


def _run(run: Any, where: str) -> ImportedRun:
    if not isinstance(run, Mapping) or run.get("schema") != RUN_SCHEMA:
        raise InputError(f"{where}: it is no {RUN_SCHEMA} document")
    if run.get("status") != "done":
        raise InputError(f"{where}: it is {run.get('status')}; only finished runs can be imported")
    missing = [name for name in (*KEPT, "label", "recipe", "manifest") if name not in run]
    if missing:
        raise InputError(f"{where}: it lacks {', '.join(missing)}; the file is cut short or was edited")
    for name, kind in (("metrics", dict), ("manifest", dict), ("suspect", list), ("requests", int), ("errors", int)):
        if not isinstance(run[name], kind):
            raise InputError(f"{where}: its {name} cannot be read; the file was edited")
    records = tuple(_record(each, where) for each in run.get("records") or ())
    if len({record.position for record in records}) != len(records):
        raise InputError(f"{where}: two of its records have the same position; the file was edited")
    if not records and not run["requests"]:
        raise InputError(f"{where}: it holds no request")
    manifest = run["manifest"]
    try:
        recipe = tuple(Recipe.from_json(run["recipe"]).to_json())
    except (KeyError, TypeError):
        raise InputError(f"{where}: its recipe cannot be read") from None
    notes = () if records else ("the file has no requests, so differences have no interval",)
    return ImportedRun(
        label=str(run["label"]),
        tool="Rung",
        version=(manifest.get("versions") or {}).get("rung"),
        model=(manifest.get("model") or {}).get("name"),
        requests=int(run["requests"]),
        errors=int(run["errors"]),
        metrics=run["metrics"],
        records=records,
        notes=notes,
        load=manifest.get("load") or {},
        prompt_set=manifest.get("prompt_set") or {},
        hardware=manifest.get("hardware") or {},
        recipe=recipe,
        summary={name: run[name] for name in KEPT} | {"seconds": run.get("seconds")},
        manifest=manifest,
    )


def _record(row: Any, where: str) -> RequestRecord:
    known = fields(RequestRecord)
    if not isinstance(row, Mapping):
        raise InputError(f"{where}: a record in it is no object")
    missing = [each.name for each in known if each.default is MISSING and each.name not in row]
    if missing:
        raise InputError(f"{where}: a record in it lacks {', '.join(missing)}")
    values = {each.name: row[each.name] for each in known if each.name in row}
    numbers = [values[name] for name in ("position", "scheduled_ns", "end_ns", "status")]
    if not all(isinstance(value, int) for value in numbers) or not isinstance(values["token_ns"], list):
        raise InputError(f"{where}: a record in it has times that are no whole nanoseconds")
    return RequestRecord(**{**values, "token_ns": tuple(values["token_ns"])})
