"""Sets written out: JSON Lines loses nothing, CSV is for spreadsheets and runs nothing in them."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from app.prompts.files import CSV_COLUMNS, read_prompts, write_csv, write_jsonl
from app.prompts.prompt_set import PromptSet
from optimizers.prompt import Document, Message, Prompt

FORMULA = '=HYPERLINK("http://example.invalid","x")'


def as_csv(*prompts: Prompt) -> list[dict[str, str]]:
    text = io.StringIO()
    write_csv(PromptSet("s", prompts), text)
    return list(csv.DictReader(io.StringIO(text.getvalue(), newline="")))


def test_a_csv_has_a_column_for_each_part() -> None:
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    first, second, third = as_csv(
        Prompt(
            "1", (Message("system", "Be brief"), Message("user", "Why?")), expected="So", max_tokens=3, tags=("x", "y")
        ),
        Prompt("2", turns, conversation="k", turn=2, documents=(Document("d", "text"),)),
        Prompt("3", text="Once", arrival_s=1.5),
    )
    assert (first["system"], first["prompt"], first["expected"], first["max_tokens"]) == ("Be brief", "Why?", "So", "3")
    assert (first["tags"], first["messages"]) == ("x, y", "")
    assert (second["prompt"], second["conversation"], second["turn"]) == ("", "k", "2")
    assert second["documents"] == '[{"id": "d", "text": "text"}]'
    assert (third["prompt"], third["arrival_s"]) == ("Once", "1.5")


def test_no_cell_begins_a_formula() -> None:
    rows = as_csv(
        Prompt(FORMULA, (Message("system", "+1"), Message("user", FORMULA)), expected="-2", tags=("@x",)),
        Prompt("2", text="\tx", expected="=1", conversation="=c"),
    )
    assert rows[0]["prompt"] == "'" + FORMULA
    assert not any(cell[:1] in ("=", "+", "-", "@", "\t", "\r") for row in rows for cell in row.values())


PLAIN = st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=20).filter(
    lambda text: text.strip() and text[0].isalnum()
)
PROMPTS = st.builds(
    lambda system, text, expected, tokens, turns: (
        ((Message("system", system), Message("user", text)), expected, tokens)
        if not turns
        else ((Message("user", text), Message("assistant", system), Message("user", text)), expected, tokens)
    ),
    PLAIN, PLAIN, st.none() | PLAIN, st.none() | st.integers(1, 9), st.booleans(),
)  # fmt: skip


@given(st.lists(PROMPTS, min_size=1, max_size=4))
def test_what_holds_no_formula_comes_back_from_either_form(parts: list[tuple[tuple[Message, ...], str, int]]) -> None:
    prompts = tuple(
        Prompt(f"p{at}", messages, expected=expected, max_tokens=tokens)
        for at, (messages, expected, tokens) in enumerate(parts)
    )
    made = PromptSet("s", prompts)
    for write, suffix in ((write_jsonl, ".jsonl"), (write_csv, ".csv")):
        text = io.StringIO(newline="")
        write(made, text)
        again = read_prompts(io.BytesIO(text.getvalue().encode()), "f", suffix, "s")
        assert again.content_hash == made.content_hash, suffix


def test_every_column_is_written() -> None:
    assert set(as_csv(Prompt("1", text="x"))[0]) == set(CSV_COLUMNS)
