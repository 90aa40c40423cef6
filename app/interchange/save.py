"""Imported runs -> the store, as one experiment of kind "imported", marked as such; the same file only once."""

from __future__ import annotations

from dataclasses import asdict
from time import time
from typing import Any

from app.analysis.summary import Observed, summarise
from app.interchange.imported import STATISTICS, ImportedRun
from app.interchange.read import Source
from app.replay.record import RequestRecord
from app.reports.portable import portable
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from store.imports import IMPORTED
from store.store import Store
from store.whole import REQUEST_COLUMNS, ExperimentCopy, RunCopy, SegmentCopy

SPEC_SCHEMA = "rung.import/1"


def save_import(store: Store, source: Source, runs: list[ImportedRun], name: str | None) -> tuple[int, bool]:
    """(experiment, was it new). Everything is saved in one transaction."""
    known = store.imports.find(source.sha256)
    if known is not None:
        return known, False
    title = name or f"Imported from {runs[0].tool}: {source.file}"
    if not title.strip():
        raise InputError("--name is empty; give the experiment a name")
    spec = {"schema": SPEC_SCHEMA, "kind": IMPORTED, "source": asdict(source), "model": runs[0].model}
    now = time()
    copy = ExperimentCopy(
        kind=IMPORTED, title=title, spec=spec, engine_starts=0, seconds={}, created_at=now, started_at=now,
        finished_at=now, runs=tuple(_copy(rung, run, source, now) for rung, run in enumerate(runs)),
    )  # fmt: skip
    return store.imports.add(copy), True


def _copy(rung: int, run: ImportedRun, source: Source, now: float) -> RunCopy:
    tool = f"{run.tool} {run.version}" if run.version else run.tool
    told = f"imported from {tool} ({source.file})"
    marked = {"tool": run.tool, "version": run.version, "notes": list(run.notes)} | asdict(source)
    manifest = {
        **run.manifest,
        "imported": marked,
        "model": run.manifest.get("model") or {"name": run.model},
        "load": dict(run.load),
        "schedule": run.manifest.get("schedule") or f"as sent by {tool}",
        "prompt_set": dict(run.prompt_set),
        "hardware": dict(run.hardware),
    }
    summary = _summary(run)
    summary["suspect"] = [told, *run.notes, *summary["suspect"]]
    return RunCopy(
        rung=rung, repeat=0, label=f"{portable(run.label, {})} ({tool})", recipe=[dict(use) for use in run.recipe],
        planned_requests=run.requests, manifest=manifest, summary=summary, started_at=now, finished_at=now,
        segments=(SegmentCopy(0, now, None),), requests=tuple(map(_row, run.records)),
    )  # fmt: skip


def _row(record: RequestRecord) -> tuple[Any, ...]:
    named = {"segment": 0, **asdict(record)}
    return tuple(named[column] for column in REQUEST_COLUMNS)


def _summary(run: ImportedRun) -> dict[str, Any]:
    if run.summary is not None:
        return dict(run.summary)
    if run.records:
        records = [(0, record) for record in run.records]
        summary = summarise(records, Observed(None, cold_start="imported"), Recipe(), {})
        # Nobody saw when a request was due, nor the prompts before they were sent.
        summary["metrics"] |= {"send_delay_ms": dict.fromkeys(STATISTICS), "prompt_tokens": None}
        if not any(record.text for record in run.records):
            summary["metrics"] |= {"refusals": None, "empty_answers": None}
        return summary
    failed = [f"{run.errors} of {run.requests} requests failed"] if run.errors else []
    return {
        "metrics": dict(run.metrics),
        "intervals": {},
        "evidence": [],
        "requests": run.requests,
        "errors": run.errors,
        "error_examples": [],
        "seconds": None,
        "suspect": failed,
    }
