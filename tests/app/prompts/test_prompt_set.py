"""A set's identity: the content hash, and the round trip through its own file format."""

from __future__ import annotations

import io
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.analysis.scoring import RULES
from app.prompts.files import read_prompts, write_jsonl
from app.prompts.prompt_set import PromptSet
from optimizers.prompt import Document, Message, Prompt

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
SOME_TEXT = TEXT.filter(lambda text: text.strip() != "")
MESSAGES = st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), SOME_TEXT), max_size=3).map(
    lambda found: (*found, Message("user", "now?"))
)
OPTIONS = {
    "expected": st.none() | SOME_TEXT,
    "max_tokens": st.none() | st.integers(1, 2**31),
    "documents": st.lists(st.builds(Document, TEXT, TEXT), max_size=2).map(tuple),
    "answer_document": st.none() | TEXT,
    "conversation": st.none() | TEXT,
    "turn": st.none() | st.integers(1, 99),
    "tags": st.lists(TEXT, max_size=2).map(tuple),
}
PROMPTS = st.builds(Prompt, id=TEXT, text=SOME_TEXT, **OPTIONS) | st.builds(
    Prompt, id=TEXT, messages=MESSAGES, **OPTIONS
)
SETS = st.builds(
    PromptSet,
    name=st.just("a"),
    prompts=st.lists(PROMPTS, min_size=1, max_size=4, unique_by=lambda prompt: prompt.id).map(tuple),
    title=TEXT,
    description=TEXT,
    score=st.sampled_from(["contains", "exact"]),
)


@given(SETS)
def test_written_and_read_again_a_set_is_the_same(written: PromptSet) -> None:
    stream = io.StringIO()
    write_jsonl(written, stream)
    found = read_prompts(io.BytesIO(stream.getvalue().encode()), "f", ".jsonl", "a")
    assert found == written
    assert found.content_hash == written.content_hash


@given(PROMPTS)
def test_the_stored_row_gives_the_prompt_back(prompt: Prompt) -> None:
    assert Prompt.from_json(prompt.to_json()) == prompt


def test_the_hash_is_that_of_the_prompts_in_order_and_of_nothing_else() -> None:
    first, second = Prompt("a", text="one"), Prompt("b", text="two")
    one_set = PromptSet("name", (first, second), "Title", "Description")
    assert one_set.content_hash == PromptSet("other", (first, second)).content_hash
    others = [
        PromptSet("name", (second, first)),
        PromptSet("name", (first,)),
        PromptSet("name", (first, replace(second, expected="x"))),
        PromptSet("name", (first, replace(second, id="c"))),
        PromptSet("name", (first, replace(second, text=None, messages=(Message("user", "two"),)))),
    ]
    assert len({one_set.content_hash, *(other.content_hash for other in others)}) == 6


def test_another_rule_is_another_set_and_the_default_one_changes_nothing() -> None:
    prompts = (Prompt("a", text="one", expected="1"),)
    hashes = {rule: PromptSet("name", prompts, score=rule).content_hash for rule in RULES}
    assert hashes["contains"] == PromptSet("name", prompts).content_hash
    assert len(set(hashes.values())) == len(RULES)
    # As it was before there were rules.
    assert hashes["contains"] == "aaec3bd3d0271d49246f8ffe58b58892b8a1b3a2265a4f30540c2aaeee65c72b"


def test_expected_answers_by_position() -> None:
    some = (Prompt("a", text="one"), Prompt("b", text="two", expected="2"))
    assert PromptSet("name", some).expected == {1: "2"}


def test_the_first_prompts_are_a_set_of_their_own() -> None:
    whole = PromptSet("name", tuple(Prompt(str(at), text="x") for at in range(4)), "Title", score="exact")
    assert whole.limited(None) is whole
    assert whole.limited(9) is whole
    part = whole.limited(2)
    assert [prompt.id for prompt in part.prompts] == ["0", "1"]
    assert (part.name, part.title, part.score) == ("name", "Title", "exact")
    assert part.content_hash != whole.content_hash


def test_documents_are_set_in_every_message() -> None:
    prompt = Prompt(
        "a",
        (Message("system", "{{documents}}"), Message("user", "again: {{documents}}")),
        documents=(Document("1", "one"), Document("2", "two")),
    )
    assert prompt.plain_text() == "system: one\n\ntwo\n\nuser: again: one\n\ntwo\n\nassistant:"
