"""The saved prompt sets: made by the code beside them, answerable, and sharing prefixes exactly where they should."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import pytest

from app.prompts.files import read_prompt_file
from app.prompts.saved import STARTER_SETS
from starter.prompt_sets import MAKERS, PROMPTS_DIR, SEED, make_all
from starter.rows import DOCUMENTS_MARKER, SCHEMA, PromptSet, Row

MADE = {prompt_set.name: prompt_set for prompt_set in make_all()}
QUOTED = ("support-desk", "multi-turn", "unique", "long-chat")
"""Sets whose expected answer is a value in a sentence of the prompt."""


def saved(name: str) -> list[dict[str, Any]]:
    lines = (PROMPTS_DIR / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def text(row: Row) -> str:
    return "\n".join(message["content"] for message in row.rendered())


def texts(prompt_set: PromptSet) -> list[str]:
    return [text(row) for row in prompt_set.rows]


def last(row: Row) -> str:
    return row.rendered()[-1]["content"]


def shared_start(contents: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*contents, strict=False)))


def longest_shared_start(contents: list[str]) -> int:
    """Of any two; among sorted texts, the closest ones are neighbours."""
    return max(shared_start([one, other]) for one, other in pairwise(sorted(contents)))


@pytest.fixture(params=sorted(MADE))
def made(request: pytest.FixtureRequest) -> PromptSet:
    return MADE[request.param]


def test_the_sets_are_those_that_the_application_brings() -> None:
    assert tuple(MADE) == STARTER_SETS
    assert {path.stem for path in PROMPTS_DIR.glob("*.jsonl")} == set(STARTER_SETS)


def test_saved_files_are_what_the_generator_writes(made: PromptSet, tmp_path: Path) -> None:
    assert made.write(tmp_path).read_bytes() == (PROMPTS_DIR / f"{made.name}.jsonl").read_bytes()


def test_another_seed_makes_other_prompts() -> None:
    for make in MAKERS:
        first, second = make(SEED), make(SEED + 1)
        assert not set(texts(first)) & set(texts(second)), first.name


def test_file_has_a_header_and_128_prompts_with_ids_of_their_own(made: PromptSet) -> None:
    header, *rows = saved(made.name)
    assert (header["schema"], header["name"], header["license"]) == (SCHEMA, made.name, "CC0-1.0")
    assert header["score"] == {"few-shot": "json", "extraction": "exact"}.get(made.name, "contains")
    assert header["title"]
    assert header["description"]
    assert len(rows) == 128
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(row["messages"][-1]["role"] == "user" and row["expected"] for row in rows)
    assert len(set(texts(made))) == len(rows)


def test_the_application_reads_what_was_written(made: PromptSet) -> None:
    read = read_prompt_file(PROMPTS_DIR / f"{made.name}.jsonl")
    assert (read.name, read.title) == (made.name, made.title)
    assert [prompt.rendered_messages() for prompt in read.prompts] == [row.rendered() for row in made.rows]
    assert [prompt.expected for prompt in read.prompts] == [row.expected for row in made.rows]


def test_no_slot_is_left_open_and_articles_are_right(made: PromptSet) -> None:
    for prompt in texts(made):
        assert not re.search(r"\{\w*\}", prompt)
        assert not re.search(r"\ba [aeio]", prompt)
        assert not re.search(r"\ban [^aeiouh]", prompt)
        assert "  " not in prompt
        assert ".." not in prompt


@pytest.mark.parametrize("name", QUOTED)
def test_the_answer_stands_once_and_the_question_does_not_give_it_away(name: str) -> None:
    for row in MADE[name].rows:
        before = "\n".join(message["content"] for message in row.rendered() if message["role"] != "system")
        again = 1 if "answered-before" in row.tags else 0
        assert before.count(row.expected) == 1 + again, row.id
        question = re.split(r"(?<=[.?!]) |\n", last(row).removesuffix(" Take your time."))[-1]
        assert row.expected not in question, row.id


def test_support_desk_answer_stands_in_the_named_record_and_no_other() -> None:
    for row in MADE["support-desk"].rows:
        assert DOCUMENTS_MARKER in row.messages[-1]["content"]
        assert row.answer_document is not None
        holders = [document.id for document in row.documents if f": {row.expected}" in document.text]
        assert holders == [row.answer_document], row.id
        assert row.answer_document.replace("-", " ") in last(row).rpartition("Question: ")[2], row.id


def test_support_desk_shares_a_long_handbook_and_nothing_of_the_records() -> None:
    prompts = texts(MADE["support-desk"])
    handbook = MADE["support-desk"].rows[0].messages[0]["content"]
    assert 6000 <= len(handbook) <= 7000
    assert shared_start(prompts) >= len(handbook)
    # The same order may come first in two prompts, but never with the same customer.
    assert longest_shared_start([prompt[len(handbook) :].removeprefix("\nRecords:\n\n") for prompt in prompts]) < 30
    assert {len(row.documents) for row in MADE["support-desk"].rows} == {3, 4}


def test_few_shot_shares_its_template_and_asks_for_a_message_that_is_not_in_it() -> None:
    prompts = texts(MADE["few-shot"])
    template = prompts[0][: prompts[0].rindex("Message:")]
    assert len(template) > 2000
    assert all(prompt.startswith(template) for prompt in prompts)
    assert len({prompt[len(template) :] for prompt in prompts}) == len(prompts)
    for row, prompt in zip(MADE["few-shot"].rows, prompts, strict=True):
        expected = json.loads(row.expected)
        assert list(expected) == ["order", "article", "wish"]
        message = prompt[len(template) :]
        assert message.count(expected["order"]) == message.count(expected["article"]) == 1, row.id
        assert expected["order"] not in template, row.id


def test_few_shot_examples_are_the_right_ones() -> None:
    prompt = texts(MADE["few-shot"])[0]
    worked = re.findall(r"Message: (.*)\nLine: (.*)\n", prompt)
    assert len(worked) == 12
    for message, line in worked:
        read = json.loads(line)
        assert f"order {read['order']}" in message
        assert f" {read['article']}" in message


@pytest.mark.parametrize("name", ["unique", "extraction"])
def test_prompts_that_are_to_share_nothing_share_no_beginning(name: str) -> None:
    rows = MADE[name].rows
    assert all(len(row.messages) == 1 for row in rows)
    # An engine caches blocks of 16 tokens or more, which is some 50 characters of this text.
    assert longest_shared_start([last(row) for row in rows]) < 16


def test_each_unique_prompt_begins_with_a_word_of_its_own() -> None:
    first = [last(row).split()[0].strip(",") for row in MADE["unique"].rows]
    assert len(set(first)) == len(first)


def test_an_extracted_record_stands_in_its_page_word_for_word() -> None:
    for row in MADE["extraction"].rows:
        heading, *page, question = last(row).split("\n\n")
        assert page.count(row.expected) == 1, row.id
        assert 6 <= len(page) <= 9
        assert heading.startswith("Sheet ")
        assert " ".join(row.expected.split()[:2]).lower() in question


def chats() -> Iterator[list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in MADE["multi-turn"].rows:
        found.setdefault(row.conversation or "", []).append(row)
    yield from found.values()


def test_chats_grow_turn_by_turn_and_are_sent_in_an_order_that_could_have_happened() -> None:
    rows = MADE["multi-turn"].rows
    assert [row.turn for row in rows] == sorted(row.turn or 0 for row in rows)
    assert len(list(chats())) == 32
    for turns in chats():
        assert [row.turn for row in turns] == [1, 2, 3, 4]
        for before, after in pairwise(turns):
            assert after.messages[: len(before.messages)] == before.messages
            recorded = after.messages[len(before.messages)]
            assert recorded["role"] == "assistant"
            assert before.expected in recorded["content"]


def test_chats_begin_each_in_its_own_way_and_ask_for_nothing_twice() -> None:
    openings = [turns[0].messages[1]["content"][:60] for turns in chats()]
    assert len(set(openings)) == len(openings)
    assert all(len({row.expected for row in turns}) == 4 for turns in chats())


def test_the_last_turn_of_a_chat_goes_back_to_its_first_half() -> None:
    for *_, final in chats():
        said = [message["content"] for message in final.messages if message["role"] == "user"]
        assert any(final.expected in content for content in said[:2])
        assert not any(final.expected in content for content in said[2:])


def test_a_long_chat_ends_with_something_from_its_first_third() -> None:
    rows = MADE["long-chat"].rows
    for row in rows:
        said = [message["content"] for message in row.messages if message["role"] == "user"]
        recorded = [message["content"] for message in row.messages if message["role"] == "assistant"]
        assert len(said) == 12
        assert any(row.expected in content for content in said[:4])
        assert not any(row.expected in content for content in said[4:])
        assert len(set(recorded)) == len(recorded) == 11
        assert any(row.expected in content for content in recorded) == ("answered-before" in row.tags)
    assert sum("answered-before" in row.tags for row in rows) == 64
