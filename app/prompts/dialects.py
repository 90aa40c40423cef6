"""Which of the common formats a row is written in, and the row as rows.py reads it.

Known: Rung's own, OpenAI chat, batch and responses rows, ShareGPT, Alpaca, Spec-Bench and MT-Bench questions, datasets
of `vllm bench serve` and GuideLLM, traces of Mooncake, Qwen-Bailian and aiperf, and plain rows with a column of text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from app.prompts.rows import EXPECTED_FIELDS, SYSTEM_FIELDS, TEXT_FIELDS, TOKEN_FIELDS
from app.prompts.trace import from_trace, is_trace
from optimizers.errors import InputError

TRACE = "trace without texts (Mooncake or Qwen-Bailian): the texts are made up to its lengths and shared blocks"
JSON_COLUMNS = ("messages", "conversations", "documents")
"""In a CSV these hold JSON."""
NOT_USED = ""


@dataclass(frozen=True)
class Columns:
    """Which column holds what, where a person says so. None leaves it to the known names, NOT_USED uses none."""

    prompt: str | None = None
    expected: str | None = None
    system: str | None = None
    max_tokens: str | None = None

    @property
    def given(self) -> dict[str, str]:
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: column for name, column in found.items() if column is not None}


AS_NAMED = Columns()
KNOWN_NAMES = {
    "prompt": (*TEXT_FIELDS, "messages", "conversations", "body", "turns", "hash_ids"),
    "expected": EXPECTED_FIELDS,
    "system": SYSTEM_FIELDS,
    "max_tokens": TOKEN_FIELDS,
}


def recognised(row: Any, columns: Columns = AS_NAMED) -> tuple[str, Any]:
    """(the format's name, the row with the names that rows.py knows). Raises InputError without the place."""
    if isinstance(row, str):
        return "texts", row
    if not isinstance(row, Mapping):
        return "", row
    row = _with_json_columns(row)
    if columns.given:
        return _named(row, columns)
    if isinstance(row.get("body"), Mapping):
        return "OpenAI batch", row
    if isinstance(row.get("turns"), list) and row["turns"]:
        return _first_turn(row)
    if is_trace(row):
        return TRACE, {**_without(row, "timestamp", "hash_ids"), **from_trace(row)}
    for name, title in (("conversations", "ShareGPT"), ("messages", "chat messages (OpenAI)")):
        if row.get(name) is not None:
            return title, row
    if isinstance(row.get("input"), list):
        return "OpenAI responses", {**_without(row, "input"), "messages": row["input"]}
    if _filled(row, "text_input"):
        return "aiperf trace with texts", _aiperf(row)
    return _plain(row)


def guessed(names: tuple[str, ...]) -> Columns:
    """The columns that a file's names suggest, whatever their case."""
    by_lower = {_key(name): name for name in reversed(names)}
    found = {
        role: next((by_lower[known] for known in candidates if known in by_lower), None)
        for role, candidates in (
            ("prompt", TEXT_FIELDS), ("expected", EXPECTED_FIELDS), ("system", SYSTEM_FIELDS),
            ("max_tokens", TOKEN_FIELDS),
        )
    }  # fmt: skip
    return Columns(**found)


def _plain(row: Mapping[str, Any]) -> tuple[str, Any]:
    if not any(_filled(row, name) for name in TEXT_FIELDS):
        # Spreadsheets like to begin their headers with capitals.
        row = {_key(name): value for name, value in row.items()} | dict(row)
    field = next((name for name in TEXT_FIELDS if _filled(row, name)), None)
    if field is None:
        if row.get("input_length") is not None:
            raise InputError("the row has lengths, but neither a text nor the hash_ids that one could be made from")
        return "", row
    if field == "instruction" and _filled(row, "input"):
        text = f"{row['instruction']}\n\n{row['input']}"
        return "Alpaca", {**_without(row, "instruction", "input"), "prompt": text}
    return f"rows with a column “{field}”", row


def _first_turn(row: Mapping[str, Any]) -> tuple[str, Any]:
    first = row["turns"][0]
    if isinstance(first, str):
        # As vLLM's own reader of such files does.
        return "Spec-Bench or MT-Bench questions, first turn only", {**_without(row, "turns"), "prompt": first}
    raise InputError("the turns hold no answers between them; give the conversation as messages")


def _aiperf(row: Mapping[str, Any]) -> dict[str, Any]:
    made = {**_without(row, "text_input", "timestamp"), "prompt": row["text_input"]}
    stamp = row.get("timestamp")
    if isinstance(stamp, int | float) and not isinstance(stamp, bool):
        made["arrival_s"] = stamp / 1000
    if row.get("output_length") is not None:
        made["max_tokens"] = row["output_length"]
    return made


def _named(row: Mapping[str, Any], columns: Columns) -> tuple[str, Any]:
    made = {_key(name): value for name, value in row.items()} | dict(row)
    for role, column in columns.given.items():
        for known in KNOWN_NAMES[role]:
            made.pop(known, None)
        if column == NOT_USED:
            continue
        if column not in row:
            raise InputError(f"there is no column {column!r}; it has: {', '.join(map(str, row)) or 'none'}")
        made[role] = row[column]
    return "columns as chosen", made if "messages" in made else _plain(made)[1]


def _with_json_columns(row: Mapping[str, Any]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for name in JSON_COLUMNS:
        text = row.get(name)
        if not isinstance(text, str) or (text.strip() and not text.lstrip().startswith("[")):
            continue
        try:
            found[name] = json.loads(text) if text.strip() else None
        except (ValueError, RecursionError):
            raise InputError(f"{name} is no whole list in JSON") from None
    return {**row, **found} if found else row


def _without(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _filled(row: Mapping[str, Any], name: str) -> bool:
    value = row.get(name)
    return isinstance(value, str) and bool(value.strip())


def _key(name: Any) -> str:
    return str(name).strip().lower().replace(" ", "_")
