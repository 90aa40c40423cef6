"""Prompt files (JSON Lines, JSON, CSV) into prompt sets and back.

Every fault raises one InputError that names the file, the row and the remedy; a set is read whole or not at all.
draft.py looks at a file without that strictness.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import Any

from app.csv_cell import safe_cell
from app.prompts.dialects import AS_NAMED, Columns
from app.prompts.draft import SCHEMA, Draft, read_draft
from app.prompts.prompt_set import PromptSet
from optimizers.errors import InputError
from optimizers.prompt import Prompt

MAX_FILE_BYTES = 512 * 1024 * 1024
CSV_COLUMNS = (
    "id", "system", "prompt", "expected", "max_tokens", "messages", "documents", "answer_document", "conversation",
    "turn", "tags", "arrival_s",
)  # fmt: skip


def read_prompt_file(path: Path, name: str | None = None, score: str | None = None) -> PromptSet:
    """The prompt set in `path`, named `name` or after the file; `score` goes before the rule in the file's header."""
    return draft_of_file(path, score, strict=True).prompt_set(name or path.stem)


def draft_of_file(path: Path, score: str | None = None, columns: Columns = AS_NAMED, strict: bool = False) -> Draft:
    """As `read_draft`."""
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
            return read_draft(stream, str(path), path.suffix.lower(), score, columns, strict)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)})") from None


def read_prompts(
    stream: io.BufferedIOBase | io.BytesIO, where: str, suffix: str, name: str, score: str | None = None
) -> PromptSet:
    """As `read_prompt_file`, from an open stream: `where` is the name that error messages give."""
    return read_draft(stream, where, suffix, score, strict=True).prompt_set(name)


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


def write_csv(prompt_set: PromptSet, stream: io.TextIOBase) -> None:
    """For spreadsheets: RFC 4180, texts that one would run get an apostrophe in front. A prompt of more than a system
    text and a question stands whole, as JSON, under `messages`. JSON Lines is the form that loses nothing."""
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for prompt in prompt_set.prompts:
        cells = _cells(prompt)
        writer.writerow([safe_cell(cells.get(name)) for name in CSV_COLUMNS])


def _cells(prompt: Prompt) -> dict[str, Any]:
    row = prompt.to_json()
    messages = row.pop("messages", [])
    roles = [message["role"] for message in messages]
    if roles in (["user"], ["system", "user"]):
        row |= {("prompt" if each["role"] == "user" else "system"): each["content"] for each in messages}
    elif messages:
        row["messages"] = json.dumps(messages, ensure_ascii=False)
    if "documents" in row:
        row["documents"] = json.dumps(row["documents"], ensure_ascii=False)
    return {**row, "tags": ", ".join(prompt.tags)}


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
