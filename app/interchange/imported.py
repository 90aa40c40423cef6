"""One result of another tool, in Rung's terms, and how a reader takes it out of loosely typed JSON. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.analysis.metric import METRICS
from app.replay.record import RequestRecord
from optimizers.errors import InputError

STATISTICS = ("mean", "p50", "p95", "p99")


@dataclass(frozen=True)
class ImportedRun:
    """`records` are empty where the file has only aggregates; then `metrics`, in Rung's units, are all there is.

    `requests` and `errors` are the tool's counts. `notes` say what the tool measures differently. `prompt_set` and
    `hardware` are as in a manifest, empty where the file does not tell.
    """

    label: str
    tool: str
    version: str | None
    model: str | None
    requests: int
    errors: int
    metrics: Mapping[str, Any]
    records: tuple[RequestRecord, ...] = ()
    notes: tuple[str, ...] = ()
    load: Mapping[str, Any] = field(default_factory=dict)
    prompt_set: Mapping[str, Any] = field(default_factory=dict)
    hardware: Mapping[str, Any] = field(default_factory=dict)
    recipe: tuple[Mapping[str, Any], ...] = ()
    summary: Mapping[str, Any] | None = None
    """A whole summary, where the file is Rung's own."""
    manifest: Mapping[str, Any] = field(default_factory=dict)


def empty_metrics() -> dict[str, Any]:
    return {metric.tag: dict.fromkeys(STATISTICS) if metric.distribution else None for metric in METRICS}


def number(document: Mapping[str, Any], name: str, where: str) -> float | None:
    """A finite number, None for what is missing; raises InputError for anything else."""
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{where}: {name} is {value!r}; a number is expected there")
    return float(value)


def needed(document: Mapping[str, Any], name: str, where: str) -> float:
    value = number(document, name, where)
    if value is None:
        raise InputError(f"{where}: {name} is missing; the file is cut short or not what it seems")
    return value


def last_line(text: Any) -> str | None:
    """What an error text ends with: tools keep whole tracebacks."""
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    return lines[-1][:300] if lines else None
