"""Reads prompt files (JSON Lines, JSON, CSV) into prompt sets, and writes the native form.

Every fault raises one InputError that names the file, the row and the remedy; a set is read whole or not at all.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from app.analysis.scoring import DEFAULT_RULE, Rule, rule_of
from app.prompts.prompt_set import PromptSet
from app.prompts.rows import to_prompt
from optimizers.errors import InputError
from optimizers.prompt import Prompt

SCHEMA = "rung.prompts/1"
WRAPPERS = ("prompts", "data", "rows", "requests")
MAX_LINE_BYTES = 4 * 1024 * 1024
MAX_FILE_BYTES = 512 * 1024 * 1024


def read_prompt_file(path: Path, name: str | None = None, score: str | None = None) -> PromptSet:
    """The prompt set in `path`, named `name` or after the file; `score` goes before the rule in the file's header."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)}); check the path") from None
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a .jsonl, .json or .csv file in it")
    if size > MAX_FILE_BYTES:
        raise InputError(f"{path} has {size / 2**20:,.0f} MiB; split it below {MAX_FILE_BYTES >> 20} MiB")
    try:
        with path.open("rb") as stream:
            return read_prompts(stream, str(path), path.suffix.lower(), name or path.stem, score)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)})") from None


def read_prompts(
    stream: io.BufferedIOBase | io.BytesIO, where: str, suffix: str, name: str, score: str | None = None
) -> PromptSet:
    """As `read_prompt_file`, from an open stream: `where` is the name that error messages give."""
    header: dict[str, Any] = {}
    prompts: list[Prompt] = []
    lines_of: dict[str, str] = {}
    rule = rule_of(score or DEFAULT_RULE)
    rows = _csv_rows(stream, where) if suffix in (".csv", ".tsv") else _json_rows(stream, where, suffix)
    for place, row in rows:
        if not prompts and not header and isinstance(row, dict) and row.get("schema") == SCHEMA:
            header = row
            rule = rule if score else _header_rule(header, f"{where}, {place}")
            continue
        try:
            prompt = to_prompt(row, len(prompts) + 1)
            _check_expected(prompt, rule)
        except InputError as error:
            raise InputError(f"{where}, {place}: {error}; nothing was imported") from None
        if prompt.id in lines_of:
            raise InputError(
                f"{where}, {place}: the id {prompt.id!r} was used at {lines_of[prompt.id]}; nothing was imported"
            )
        lines_of[prompt.id] = place
        prompts.append(prompt)
    if not prompts:
        raise InputError(f"{where} holds no prompt; give it one row a prompt")
    title, description = (str(header.get(key, "")) for key in ("title", "description"))
    return PromptSet(name, tuple(prompts), title, description, rule.key)


def slug(name: str) -> str:
    """A set's name as it is stored and typed: lower case, words parted by hyphens."""
    made = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not made:
        raise InputError(f"{name!r} is no usable name for a prompt set; use letters and digits")
    return made[:80]


def write_jsonl(prompt_set: PromptSet, stream: io.TextIOBase) -> None:
    header = {"schema": SCHEMA, "name": prompt_set.name, "title": prompt_set.title}
    header |= {"description": prompt_set.description, "score": prompt_set.score}
    for row in [header, *(prompt.to_json() for prompt in prompt_set.prompts)]:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _header_rule(header: dict[str, Any], where: str) -> Rule:
    try:
        return rule_of(str(header.get("score", DEFAULT_RULE)))
    except InputError as error:
        raise InputError(f"{where}: {error}; nothing was imported") from None


def _check_expected(prompt: Prompt, rule: Rule) -> None:
    reason = None if prompt.expected is None else rule.unusable(prompt.expected)
    if reason is not None:
        raise InputError(f"{reason}, as the rule {rule.key!r} needs it")


def _lines(stream: Any, where: str) -> Iterator[tuple[int, str]]:
    number = 0
    while raw := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise InputError(
                f"{where}, line {number} is longer than {MAX_LINE_BYTES >> 20} MiB; "
                "put one prompt on each line, or split the prompt"
            )
        try:
            yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            byte = raw[error.start]
            raise InputError(
                f"{where}, line {number}: byte 0x{byte:02x} at column {error.start + 1} is not UTF-8; "
                "save the file as UTF-8"
            ) from None


def _json_rows(stream: Any, where: str, suffix: str) -> Iterator[tuple[str, Any]]:
    lines = _lines(stream, where)
    first = next(((number, line) for number, line in lines if line.strip()), None)
    if first is None:
        raise InputError(f"{where} is empty; give it one prompt a row")
    whole = first[1].lstrip().startswith("[") or (suffix == ".json" and not _is_row(first[1]))
    if whole:
        yield from _json_document(first[1] + "".join(line for _, line in lines), where)
        return
    for number, line in _chain(first, lines):
        if not line.strip():
            continue
        try:
            yield f"line {number}", json.loads(line)
        except json.JSONDecodeError as error:
            cut_off = error.pos >= len(line.rstrip()) or error.msg.startswith("Unterminated")
            cut = "is cut off" if cut_off else f"is not JSON ({error.msg})"
            raise InputError(f"{where}, line {number} {cut} at column {error.colno}; nothing was imported") from None
        except RecursionError:
            raise InputError(f"{where}, line {number} is nested too deeply to be a prompt") from None
        except ValueError:
            raise InputError(
                f"{where}, line {number} holds a number with too many digits; nothing was imported"
            ) from None


def _json_document(text: str, where: str) -> Iterator[tuple[str, Any]]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where} is not whole JSON: {error.msg} at line {error.lineno}, column {error.colno}; nothing was imported"
        ) from None
    except RecursionError:
        raise InputError(f"{where} is nested too deeply to be a list of prompts") from None
    except ValueError:
        raise InputError(f"{where} holds a number with too many digits; nothing was imported") from None
    rows = document if isinstance(document, list) else _listed(document)
    for position, row in enumerate([document] if rows is None else rows, start=1):
        yield f"row {position}", row


def _csv_rows(stream: Any, where: str) -> Iterator[tuple[str, Any]]:
    text = "".join(line for _, line in _lines(stream, where))
    if not text.strip():
        raise InputError(f"{where} is empty; give it a header row and one prompt a row")
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    csv.field_size_limit(MAX_LINE_BYTES)
    try:
        for row in reader:
            if None in row:
                raise InputError(
                    f"{where}, line {reader.line_num} has more fields than the header; "
                    "put quotes around text that holds the separator"
                )
            yield f"line {reader.line_num}", {str(key).strip(): value for key, value in row.items() if key}
    except csv.Error as error:
        raise InputError(f"{where}, line {reader.line_num}: {error}; nothing was imported") from None


def _chain(first: tuple[int, str], rest: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest


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


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
