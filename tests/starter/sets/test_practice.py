"""Practice chats: every answer is the right one, and can be read off what stands before it."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator

import pytest

from starter.corpus import TASKS, Practice
from starter.sets import extraction, few_shot, multi_turn, support_desk, unique
from starter.sets.practice import Chat, padding
from starter.sets.records import ABSENT
from starter.sets.words import Words

SIZES = (150, 600, 1500, 3000, 6500)


def practised(task: Practice, chats: int = 150) -> Iterator[Chat]:
    for number in range(chats):
        yield task(Words(random.Random(f"test/{number}"), held_out=number % 5 == 0), SIZES[number % len(SIZES)])


def test_each_task_is_practised() -> None:
    assert {task.__module__.rpartition(".")[2] for task in TASKS} == {
        "support_desk", "unique", "multi_turn", "extraction", "few_shot",
    }  # fmt: skip


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__module__)
def test_the_same_words_give_the_same_chat(task: Practice) -> None:
    first, again, other = (task(Words(random.Random(seed), held_out=False), 1500) for seed in (1, 1, 2))
    assert first == again != other
    assert all(asked and answer for chat in (first, other) for asked, answer in chat.turns)


def test_a_record_is_quoted_by_the_asked_line_or_is_really_absent() -> None:
    absent = thinned = 0
    for chat in practised(support_desk.practice):
        context = chat.turns[0][0]
        for asked, answer in chat.turns:
            question = asked.rpartition("\n")[2]
            (number,) = re.findall(r"\b\d{4}\b", question)
            if answer == ABSENT:
                absent += 1
                assert not re.search(rf"\b{number} ", context.rpartition("\n")[0])
            else:
                assert re.match(rf"\w+ {number} ", answer)
                if f"\n{answer}\n" not in f"{context}\n":
                    thinned += 1
                    value = answer.partition(": ")[2]
                    assert any(number in block.split() and value in block for block in context.split("\n\n"))
    assert absent > 20
    assert thinned > 20


def test_a_fact_of_a_letter_is_quoted_from_it() -> None:
    for chat in practised(unique.practice):
        letter = chat.turns[0][0].rpartition("\n\n")[0]
        assert all(letter.count(answer) == 1 for _, answer in chat.turns)


def test_a_fact_of_a_chat_was_told_before_and_a_summary_holds_the_answers() -> None:
    summaries = 0
    for chat in practised(multi_turn.practice):
        told = ""
        answers: list[str] = []
        for asked, answer in chat.turns:
            told += f"{asked} "
            if "\n" in answer or "ummar" in asked or asked.lower().startswith("sum up"):
                summaries += 1
                assert answer.splitlines() == list(dict.fromkeys(answers))
            else:
                assert answer in told
            answers.append(answer)
    assert summaries > 10


def test_a_copied_record_is_the_asked_one_word_for_word() -> None:
    for chat in practised(extraction.practice):
        page = chat.turns[0][0].split("\n\n")
        for asked, answer in chat.turns:
            assert answer in page
            assert " ".join(answer.split()[:2]).lower() in asked


def test_a_line_of_json_holds_what_its_message_says() -> None:
    for chat in practised(few_shot.practice):
        for asked, answer in chat.turns:
            read = json.loads(answer)
            message = asked[asked.rindex("Message:") :]
            assert list(read) == ["order", "article", "wish"]
            assert f" {read['order']}" in message
            assert f" {read['article']}" in message
            assert read["wish"] in few_shot.INSTRUCTION
        for example in re.findall(r"^Line: (.*)$", chat.turns[0][0], re.MULTILINE):
            assert json.loads(example)


def test_padding_keeps_to_its_size() -> None:
    sentences = [f"Sentence {number}." for number in range(50)]
    words = Words(random.Random(1), held_out=False)
    assert padding(sentences, 0, words) == []
    for size in (20, 100, 10_000):
        chosen = padding(sentences, size, words)
        assert len(" ".join(chosen)) <= size
        assert len(set(chosen)) == len(chosen)
