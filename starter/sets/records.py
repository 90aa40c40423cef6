"""Records: a few lines about an order, a ticket or a booking, each line whole in itself.

"Order 4821 status: in transit" holds number, attribute and value side by side, so a line answers one question.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starter.sets.asking import framed
from starter.sets.wordings import any_copy_wording, any_wording
from starter.sets.words import Words, draw_unlike

_GRAMMAR: dict[str, Any] = tomllib.loads((Path(__file__).parent / "records.toml").read_text(encoding="utf-8"))
KINDS = tuple(str(kind["name"]) for kind in _GRAMMAR["kind"])
_ATTRIBUTES = {kind["name"]: kind["attribute"] for kind in _GRAMMAR["kind"]}
_CLOSED = {"state": _GRAMMAR["states"], "level": _GRAMMAR["levels"]}

ABSENT = "Not in the records"
_COPY_PRACTISED = (
    "Copy the record of {who}.", "Write out the record of {who}.", "Give me the whole record of {who}.",
    "Please repeat the record of {who} line by line.", "I need all lines of {who}.",
    "Show the complete record of {who}.",
)  # fmt: skip
_COPY_HELD_OUT = (
    "Type out the full record of {who} for me.", "All that we have on {who}, word for word, please.",
    "Could you read out the record of {who} to the end?", "Let me have every line about {who}.",
    "I want to read the whole record of {who}.", "The record of {who} in full, please.",
)  # fmt: skip


@dataclass(frozen=True)
class Record:
    kind: str
    number: str
    values: dict[str, str]

    @property
    def who(self) -> str:
        return f"{self.kind} {self.number}"

    def line(self, attribute: str) -> str:
        return f"{self.who.capitalize()} {attribute}: {self.values[attribute]}"

    def text(self) -> str:
        return "\n".join(self.line(attribute) for attribute in self.values)


def make_records(kind: str, count: int, words: Words, attributes: int | None = None) -> list[Record]:
    """Records whose open values differ, so that a fact from the wrong record is a wrong answer. Values of a closed list
    differ as long as the list lasts."""
    numbers: set[str] = set()
    while len(numbers) < count:
        numbers.add(draw_unlike("order", numbers, words))
    chosen = _ATTRIBUTES[kind]
    if attributes is not None and attributes < len(chosen):
        picked = {attribute["name"] for attribute in words.rng.sample(chosen, attributes)}
        chosen = [attribute for attribute in chosen if attribute["name"] in picked]
    columns = {attribute["name"]: _column(attribute["kind"], count, words) for attribute in chosen}
    ordered = words.rng.sample(sorted(numbers), count)
    return [
        Record(kind, number, {name: column[index] for name, column in columns.items()})
        for index, number in enumerate(ordered)
    ]


def _column(kind: str, count: int, words: Words) -> list[str]:
    if kind in _CLOSED:
        options = _CLOSED[kind]
        rounds = range(-(-count // len(options)))
        return [value for _ in rounds for value in words.rng.sample(options, len(options))][:count]
    taken: list[str] = []
    for _ in range(count):
        taken.append(draw_unlike(kind, set(taken), words))
    return taken


def ask(kind: str, number: str, attribute: str, words: Words) -> str:
    forms = next(found for found in _ATTRIBUTES[kind] if found["name"] == attribute)
    side = "held_" if words.held_out else ""
    who = f"{kind} {number}"
    direct, indirect = (words.choice(forms[f"{side}{form}"]).replace("{who}", who) for form in ("ask", "indirect"))
    if not words.held_out and words.rng.random() < 0.6:
        direct, indirect = any_wording(attribute, who, words)
    return framed(direct, indirect, words)


def ask_for_copy(record: Record, words: Words) -> str:
    if not words.held_out and words.rng.random() < 0.7:
        return any_copy_wording(record.who, words)
    return words.choice(_COPY_HELD_OUT if words.held_out else _COPY_PRACTISED).replace("{who}", record.who)
