"""The saved prompt sets: made by the code beside them, answerable, and sharing prefixes exactly where they should."""

import json
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import pytest

from starter.prompt_sets import PROMPTS_DIR, SEED, SETS, make_all
from starter.rows import DOCUMENTS_MARKER, SCHEMA, PromptSet

MADE = {prompt_set.name: prompt_set for prompt_set in make_all()}


def saved(name: str) -> list[dict[str, Any]]:
    lines = (PROMPTS_DIR / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def texts(prompt_set: PromptSet) -> list[str]:
    return ["\n".join(message["content"] for message in row.rendered()) for row in prompt_set.rows]


def shared_start(contents: list[str]) -> int:
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*contents, strict=False)))


@pytest.fixture(params=sorted(MADE))
def made(request: pytest.FixtureRequest) -> PromptSet:
    return MADE[request.param]


def test_saved_files_are_what_the_generator_writes(made: PromptSet, tmp_path: Path) -> None:
    assert made.write(tmp_path).read_bytes() == (PROMPTS_DIR / f"{made.name}.jsonl").read_bytes()


def test_another_seed_makes_other_prompts() -> None:
    for module in SETS:
        first, second = module.make(SEED), module.make(SEED + 1)
        assert not set(texts(first)) & set(texts(second)), first.name


def test_file_has_a_header_and_at_least_64_prompts_with_ids_of_their_own(made: PromptSet) -> None:
    header, *rows = saved(made.name)
    assert (header["schema"], header["name"], header["license"]) == (SCHEMA, made.name, "CC0-1.0")
    assert len(rows) >= 64
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(row["max_tokens"] == 24 and row["messages"][-1]["role"] == "user" for row in rows)
    assert len(set(texts(made))) == len(rows)


def test_expected_answer_can_be_read_off_the_prompt(made: PromptSet) -> None:
    for row, text in zip(made.rows, texts(made), strict=True):
        parts = row.expected.replace("order ", "").replace("article ", "").split("; wish ")[0].split("; ")
        assert all(part in text for part in parts), row.id


def test_support_desk_answer_stands_in_the_named_record_and_no_other() -> None:
    for row in MADE["support-desk"].rows:
        assert DOCUMENTS_MARKER in row.messages[-1]["content"]
        holders = [document.id for document in row.documents if f": {row.expected}" in document.text]
        assert holders == [row.answer_document], row.id


def test_support_desk_shares_a_long_handbook_and_nothing_of_the_records() -> None:
    prompts = texts(MADE["support-desk"])
    handbook = MADE["support-desk"].rows[0].messages[0]["content"]
    assert 7000 <= len(handbook) <= 7500
    assert shared_start(prompts) >= len(handbook)
    assert len({prompt[len(handbook) :] for prompt in prompts}) == len(prompts)


def test_few_shot_shares_its_template() -> None:
    assert shared_start(texts(MADE["few-shot"])) > 2000


def test_unique_prompts_share_no_beginning() -> None:
    rows = MADE["unique"].rows
    assert all(len(row.messages) == 1 for row in rows)
    contents = [row.messages[0]["content"] for row in rows]
    assert len({content[:16] for content in contents}) == len(contents)
    assert len({content.split()[0] for content in contents}) == len(contents)


def test_unique_answer_stands_once() -> None:
    for row in MADE["unique"].rows:
        assert row.messages[0]["content"].count(row.expected) == 1, row.id


def test_chats_grow_turn_by_turn_and_are_sent_in_an_order_that_could_have_happened() -> None:
    rows = MADE["multi-turn"].rows
    assert [row.turn for row in rows] == sorted(row.turn or 0 for row in rows)
    chats: dict[str, list[Any]] = {}
    for row in rows:
        chats.setdefault(row.conversation or "", []).append(row)
    assert len(chats) == 16
    for turns in chats.values():
        assert [row.turn for row in turns] == [1, 2, 3, 4]
        for before, after in pairwise(turns):
            assert after.messages[: len(before.messages)] == before.messages
            recorded = after.messages[len(before.messages)]
            assert recorded["role"] == "assistant"
            assert before.expected in recorded["content"]
