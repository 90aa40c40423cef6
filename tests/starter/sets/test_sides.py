"""What the saved prompts say and what practice says: no name, value or phrasing of the one side on the other."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from starter.corpus import practice_chat
from starter.prompt_sets import make_all
from starter.sets import asking, multi_turn, names, records, words
from starter.sets.words import ITEMS, Words

GRAMMARS = Path(words.__file__).parent
MONTHS = "|".join(words.MONTHS)
VALUES = {
    "date": rf"\b\d{{1,2}} (?:{MONTHS})\b",
    "time": r"\b\d{1,2}:\d\d\b",
    "amount": r"\b\d+\.\d\d EUR\b",
    "code": r"\b[A-Z]\d{3}\b",
    "record's number": r"\b(?:[Oo]rder|[Tt]icket|[Bb]ooking) (\d{4})\b",
    "number": r"(?<![\d.:])\b\d{2,3}\b(?! (?:EUR|" + MONTHS + r"))(?![\d.:])",
}


def side(held_out: bool, seed: int = 1) -> Words:
    return Words(random.Random(seed), held_out)


@cache
def saved_text() -> str:
    """All saved prompts but for the handbook, which stands in practice as well."""
    rendered = (row.rendered() for prompt_set in make_all() for row in prompt_set.rows)
    return "\n".join(m["content"] for messages in rendered for m in messages if m["role"] != "system")


@cache
def practised_text() -> str:
    chats = (practice_chat(7, number, 300 + number % 3000) for number in range(1500))
    return "\n".join(text for chat in chats for turn in chat.turns for text in (*turn, chat.system))


@pytest.mark.parametrize(
    "kind", ["person", "first", "place", "item", "street", "date", "time", "euros", "number", "code", "order"]
)
def test_no_word_of_one_side_is_drawn_on_the_other(kind: str) -> None:
    saved, practised = ({side(held_out).draw(kind)} for held_out in (True, False))
    held, open_ = side(True), side(False)
    saved |= {held.draw(kind) for _ in range(3000)}
    practised |= {open_.draw(kind) for _ in range(3000)}
    assert len(saved) > 5
    assert len(practised) > len(saved) / 2
    assert not saved & practised


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_no_value_of_a_saved_prompt_is_practised(kind: str) -> None:
    saved, practised = (set(re.findall(VALUES[kind], text)) for text in (saved_text(), practised_text()))
    assert len(saved) > 30
    assert len(practised) > 100
    assert not saved & practised


def test_no_name_or_article_of_a_saved_prompt_is_practised() -> None:
    practised = {*re.findall(r"[A-Za-z]+", practised_text())}
    people = {*names.FIRST_NAMES, *names.LAST_NAMES}
    places = {place for place in names.PLACES if place in saved_text()}
    assert len(places) > 10
    assert not (people | places) & practised
    assert not [item for item in ITEMS if re.search(rf"\b{item}\b", practised_text())]


def forms(held_out: bool) -> dict[str, set[str]]:
    """Every form of words that a side can put a question in."""
    drawing = side(held_out)
    record = records.Record("order", "1234", {})
    found = {
        "frames": {asking.framed("(direct)", "(indirect)", drawing) for _ in range(2000)},
        "requests for a copy": {records.ask_for_copy(record, drawing) for _ in range(500)},
        "requests for a summary": {multi_turn.summary_request(drawing) for _ in range(500)},
    }
    for name, key, template in templates():
        if key.startswith("held_") == held_out:
            found.setdefault(f"{name} {key.removeprefix('held_')}", set()).add(template)
    return found


def templates() -> Iterator[tuple[str, str, str]]:
    """(grammar file, key, sentence) for all lists that have a held-out twin."""
    for path in sorted(GRAMMARS.glob("*.toml")):
        for table in tables(tomllib.loads(path.read_text(encoding="utf-8"))):
            twins = {key for key in table if f"held_{key}" in table}
            for key in (*twins, *(f"held_{key}" for key in twins)):
                for template in table[key]:
                    yield path.stem, key, template


def tables(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from tables(inner)


def normal(sentence: str) -> str:
    """Without what a careless reader would not see: case, punctuation, please and thanks."""
    return " ".join(word for word in re.findall(r"\w+", sentence.lower()) if word not in ("please", "thank", "thanks"))


@pytest.mark.parametrize("what", sorted(forms(True)))
def test_no_question_of_one_side_is_worded_as_on_the_other(what: str) -> None:
    saved, practised = ({normal(form) for form in forms(held_out)[what]} for held_out in (True, False))
    assert saved
    assert practised
    assert not saved & practised


@pytest.mark.parametrize("attribute", ["customer", "article", "status", "delivery date", "amount"])
def test_no_saved_question_about_an_order_is_put_together_in_practice(
    attribute: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "framed", lambda direct, indirect, _words: f"{direct}|{indirect}")
    saved, practised = (
        {normal(form) for _ in range(count) for form in records.ask("order", "1234", attribute, drawing).split("|")}
        for drawing, count in ((side(True), 200), (side(False), 4000))
    )
    assert len(saved) >= 3
    assert not saved & practised


def test_no_held_out_sentence_is_met_in_practice() -> None:
    practised = normal(practised_text())
    held = {normal(re.sub(r"\{\w+\}", "SLOT", template)) for _, key, template in templates() if "held_" in key}
    assert len(held) > 80
    for sentence in held:
        # Most are ruled out by their longest part without a slot, which is quick to look for.
        if max(sentence.split("slot"), key=len) in practised:
            assert not re.search(rf"\b{sentence.replace('slot', '[a-z0-9 ]{1,30}')}\b", practised), sentence


def test_the_grammars_have_held_out_twins() -> None:
    assert {
        "frames", "requests for a copy", "requests for a summary", "records ask", "records indirect",
        "few_shot openings", "few_shot say", "few_shot asides", "multi_turn user", "unique remarks",
    } == forms(True).keys()  # fmt: skip


def test_the_handbooks_own_values_are_not_in_the_saved_records() -> None:
    handbook = (GRAMMARS / "support_handbook.md").read_text(encoding="utf-8")
    for kind, pattern in VALUES.items():
        assert not {*re.findall(pattern, handbook)} & {*re.findall(pattern, saved_text())}, kind
