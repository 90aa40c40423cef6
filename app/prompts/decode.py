"""Bytes of a prompt file -> its rows, decoded but not yet understood. JSON Lines, one JSON document, CSV or TSV.

A row that cannot be decoded is told as such and the rest is read on; a fault after which nothing can be trusted (a
document that is cut off, an open quote) raises InputError with the file's name.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from optimizers.errors import InputError

WRAPPERS = ("prompts", "data", "rows", "requests")
MAX_LINE_BYTES = 4 * 1024 * 1024
NOTHING = "nothing was imported"


@dataclass(frozen=True)
class UnreadableRow:
    """A row that is no row: what is wrong with it, and its text as far as it has one."""

    problem: str
    text: str = ""


Rows = Iterator[tuple[str, Any]]
"""(place such as "line 3", row)"""


def decoded_rows(stream: Any, where: str, suffix: str) -> Rows:
    return _csv_rows(stream, where) if suffix in (".csv", ".tsv") else _json_rows(stream, where, suffix)


def _lines(stream: Any, where: str) -> Iterator[tuple[int, bytes]]:
    number = 0
    while raw := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise InputError(
                f"{where}, line {number} is longer than {MAX_LINE_BYTES >> 20} MiB; "
                "put one prompt on each line, or split the prompt"
            )
        yield number, raw


def _text(raw: bytes, number: int) -> str | UnreadableRow:
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        byte, column = raw[error.start], error.start + 1
        problem = f"byte 0x{byte:02x} at column {column} is not UTF-8; save the file as UTF-8"
        return UnreadableRow(problem, raw.decode("utf-8", "replace"))


def _whole_text(lines: Iterator[tuple[int, bytes]], where: str) -> str:
    parts = []
    for number, raw in lines:
        text = _text(raw, number)
        if isinstance(text, UnreadableRow):
            raise InputError(f"{where}, line {number}: {text.problem}; {NOTHING}")
        parts.append(text)
    return "".join(parts)


def _json_rows(stream: Any, where: str, suffix: str) -> Rows:
    lines = _lines(stream, where)
    first: tuple[int, str | UnreadableRow] | None = None
    for number, raw in lines:
        text = _text(raw, number)
        if isinstance(text, UnreadableRow) or text.strip():
            first = (number, text)
            break
    if first is None:
        raise InputError(f"{where} is empty; give it one prompt a row")
    start = first[1]
    if isinstance(start, str) and (start.lstrip().startswith("[") or (suffix == ".json" and not _is_row(start))):
        yield from _json_document(start + _whole_text(lines, where), where)
        return
    yield from _json_line(*first)
    for number, raw in lines:
        yield from _json_line(number, _text(raw, number))


def _json_line(number: int, text: str | UnreadableRow) -> Rows:
    place = f"line {number}"
    if isinstance(text, UnreadableRow):
        yield place, text
        return
    if not text.strip():
        return
    try:
        yield place, json.loads(text)
    except json.JSONDecodeError as error:
        cut_off = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        what = "cut off" if cut_off else f"not JSON ({error.msg})"
        yield place, UnreadableRow(f"{what} at column {error.colno}", text)
    except RecursionError:
        yield place, UnreadableRow("nested too deeply to be a prompt", text)
    except ValueError:
        yield place, UnreadableRow("it holds a number with too many digits", text)


def _json_document(text: str, where: str) -> Rows:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where} is not whole JSON: {error.msg} at line {error.lineno}, column {error.colno}; {NOTHING}"
        ) from None
    except RecursionError:
        raise InputError(f"{where} is nested too deeply to be a list of prompts") from None
    except ValueError:
        raise InputError(f"{where} holds a number with too many digits; {NOTHING}") from None
    rows = document if isinstance(document, list) else _listed(document)
    for position, row in enumerate([document] if rows is None else rows, start=1):
        yield f"row {position}", row


def _csv_rows(stream: Any, where: str) -> Rows:
    text = _whole_text(_lines(stream, where), where)
    if not text.strip():
        raise InputError(f"{where} is empty; give it a header row and one prompt a row")
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    csv.field_size_limit(MAX_LINE_BYTES)
    try:
        for row in reader:
            place = f"line {reader.line_num}"
            if None in row:
                cells = [str(value) for value in row.values()]
                problem = "more fields than the header; put quotes around text that holds the separator"
                yield place, UnreadableRow(problem, delimiter.join(cells))
            else:
                yield place, {str(key).strip(): value for key, value in row.items() if key}
    except csv.Error as error:
        raise InputError(f"{where}, line {reader.line_num}: {error}; {NOTHING}") from None


def _is_row(line: str) -> bool:
    """Whether the line is JSON by itself, and not a whole document that wraps its rows."""
    try:
        return _listed(json.loads(line)) is None
    except (ValueError, RecursionError):
        return False


def _listed(document: Any) -> list[Any] | None:
    """The rows that a document wraps in a list of its own, or None."""
    if not isinstance(document, dict):
        return None
    return next((document[key] for key in WRAPPERS if isinstance(document.get(key), list)), None)
