"""Requests as the columns that the store takes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.replay.record import RequestRecord


def columns(record: RequestRecord) -> dict[str, Any]:
    return {**asdict(record), "token_ns": list(record.token_ns)}
