"""A prompt file looked at and not yet saved: its prompts, the format of each, and what is wrong with which row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.analysis.scoring import DEFAULT_RULE, Rule, rule_of
from app.prompts.decode import NOTHING, UnreadableRow, decoded_rows
from app.prompts.dialects import AS_NAMED, TRACE, Columns, recognised
from app.prompts.prompt_set import PromptSet
from app.prompts.rows import to_prompt
from optimizers.errors import InputError
from optimizers.prompt import Prompt

SCHEMA = "rung.prompts/1"
OWN = "Rung's own"
SHOWN = 160
MADE_CHARACTERS = 120_000_000
"""Of a trace's texts, which are far longer than the file that stands for them."""


@dataclass(frozen=True)
class RowProblem:
    """`row` is the beginning of what stands there."""

    place: str
    problem: str
    row: str


@dataclass(frozen=True)
class Draft:
    """`formats` are the recognised ones with their number of rows, most frequent first; `columns` the names that the
    rows have, where they have any."""

    where: str
    prompts: tuple[Prompt, ...]
    problems: tuple[RowProblem, ...]
    formats: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    title: str
    description: str
    score: str

    def prompt_set(self, name: str) -> PromptSet:
        """The good rows as a set. Raises InputError where there is none."""
        if not self.prompts:
            raise InputError(f"{self.where} holds no prompt; give it one row a prompt")
        return PromptSet(name, self.prompts, self.title, self.description, self.score)


def read_draft(
    stream: Any, where: str, suffix: str, score: str | None = None, columns: Columns = AS_NAMED, strict: bool = False
) -> Draft:
    """All of the file. `score` goes before the rule in the file's header. Raises InputError for what spoils the whole
    file, and with `strict` for the first row that is no prompt."""
    header: Mapping[str, Any] = {}
    prompts: list[Prompt] = []
    problems: list[RowProblem] = []
    formats: Counter[str] = Counter()
    names: dict[str, None] = {}
    places: dict[str, str] = {}
    rule, made = rule_of(score or DEFAULT_RULE), 0
    for place, row in decoded_rows(stream, where, suffix):
        if not prompts and not problems and not header and isinstance(row, dict) and row.get("schema") == SCHEMA:
            header = row
            rule = rule if score else _header_rule(header, f"{where}, {place}")
            continue
        if isinstance(row, dict):
            names.update(dict.fromkeys(map(str, row)))
        try:
            form, prompt = _prompt(row, columns, len(prompts) + len(problems) + 1, rule)
            if prompt.id in places:
                raise InputError(f"the id {prompt.id!r} was used at {places[prompt.id]}")
            made += len(prompt.text or "") if form == TRACE else 0
            if made > MADE_CHARACTERS:
                raise InputError(f"beyond {MADE_CHARACTERS:,} characters of made-up text; cut the trace here")
        except InputError as error:
            if strict:
                raise InputError(f"{where}, {place}: {error}; {NOTHING}") from None
            problems.append(RowProblem(place, str(error), _beginning(row)))
            continue
        formats[OWN if header else form] += 1
        places[prompt.id] = place
        prompts.append(prompt)
    if not prompts and not problems:
        raise InputError(f"{where} holds no prompt; give it one row a prompt")
    title, description = (str(header.get(key, "")) for key in ("title", "description"))
    return Draft(
        where, tuple(prompts), tuple(problems), tuple(formats.most_common()), tuple(names), title, description, rule.key
    )


def _prompt(row: Any, columns: Columns, position: int, rule: Rule) -> tuple[str, Prompt]:
    if isinstance(row, UnreadableRow):
        raise InputError(row.problem)
    form, known = recognised(row, columns)
    prompt = to_prompt(known, position)
    check_expected(prompt, rule)
    return form, prompt


def check_expected(prompt: Prompt, rule: Rule) -> None:
    """Raises InputError where the rule cannot use the expected answer."""
    reason = None if prompt.expected is None else rule.unusable(prompt.expected)
    if reason is not None:
        raise InputError(f"{reason}, as the rule {rule.key!r} needs it")


def _header_rule(header: Mapping[str, Any], where: str) -> Rule:
    try:
        return rule_of(str(header.get("score", DEFAULT_RULE)))
    except InputError as error:
        raise InputError(f"{where}: {error}; {NOTHING}") from None


def _beginning(row: Any) -> str:
    text = row.text if isinstance(row, UnreadableRow) else json.dumps(row, ensure_ascii=False)
    # Half a character (a lone surrogate) cannot be shown.
    shown = " ".join(text.split())[:SHOWN].encode("utf-8", "replace").decode()
    return f"{shown} …" if len(text) > SHOWN else shown
