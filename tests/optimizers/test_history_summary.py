"""History summary: which turns are folded, how the model is asked, and what is charged for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from optimizers.errors import InputError
from optimizers.history_summary import HEADING, INSTRUCTION, HistorySummary
from optimizers.prompt import Document, Message, Prompt
from optimizers.technique import Observation
from optimizers.transform import Change, PromptFigures, Reply
from tests.optimizers.tools import SmallTools, defaults, figures_of

SUMMARY = HistorySummary()
SYSTEM = Message("system", "You plan trips.")


def turn(number: int) -> tuple[Message, Message]:
    return Message("user", f"ask {number}"), Message("assistant", f"answer {number}")


def chat(turns: int, *head: Message, identifier: str = "p") -> Prompt:
    past = [message for number in range(1, turns + 1) for message in turn(number)]
    return Prompt(identifier, (*head, *past, Message("user", "and now?")))


def noting(messages: Sequence[Mapping[str, str]]) -> str:
    """A summary that shows what the model was given: the answers, behind what the earlier summary held."""
    before = messages[0]["content"].partition(f"{HEADING}\n")[2]
    answers = [message["content"].removeprefix("answer ") for message in messages if message["role"] == "assistant"]
    return " ".join([*before.split(), *answers])


async def change(prompt: Prompt, tools: SmallTools, **settings: Any) -> Change:
    changed = await SUMMARY.transform(defaults(SUMMARY, **settings), [prompt], tools)
    return changed.changes[0]


async def test_old_turns_become_a_summary_at_the_end_of_the_instructions() -> None:
    tools = SmallTools(noting)
    after = (await change(chat(5, SYSTEM), tools, keep_turns=2)).prompt
    told = Message("system", f"You plan trips.\n\n{HEADING}\n1 2 3")
    assert after.messages == (told, *turn(4), *turn(5), Message("user", "and now?"))


async def test_without_instructions_the_summary_is_one() -> None:
    after = (await change(chat(2), SmallTools(noting), keep_turns=0)).prompt
    assert after.messages == (Message("system", f"{HEADING}\n1 2"), Message("user", "and now?"))


async def test_the_model_gets_the_turns_as_they_were_spoken_and_then_the_wish() -> None:
    tools = SmallTools(noting)
    await change(chat(3, SYSTEM), tools, keep_turns=1)
    spoken = [{"role": m.role, "content": m.content} for m in (*turn(1), *turn(2))]
    assert tools.asked == [[*spoken, {"role": "user", "content": INSTRUCTION}]]


async def test_a_long_history_is_folded_block_by_block() -> None:
    tools = SmallTools(noting)
    found = await change(chat(8), tools, keep_turns=1, block_turns=3, instruction="Sum up.")
    assert [len(asked) for asked in tools.asked] == [7, 8, 4]
    assert tools.asked[1][0] == {"role": "system", "content": f"{HEADING}\n1 2 3"}
    assert tools.asked[2][-1]["content"] == "Sum up."
    assert found.prompt.messages[0].content == f"{HEADING}\n1 2 3 4 5 6 7"
    assert found.seconds == 1.5
    assert found.figures["summary_calls"] == 3
    assert found.figures["summary_output_tokens"] == 3 + 6 + 7


async def test_a_summary_that_the_same_turns_had_before_is_written_once() -> None:
    tools = SmallTools(noting)
    prompts = [chat(3), chat(4), chat(4)]
    settings = defaults(SUMMARY, keep_turns=1, block_turns=2)
    changed = await SUMMARY.transform(settings, prompts, tools)
    assert [found.seconds for found in changed.changes] == [0.5, 0.5, 0]
    assert [found.figures["summary_reused"] for found in changed.changes] == [0, 1, 2]
    assert len(tools.asked) == 2
    assert changed.changes[1].prompt == changed.changes[2].prompt
    alone = await SUMMARY.transform(settings, [chat(4)], SmallTools(noting))
    assert alone.changes[0].prompt == changed.changes[1].prompt


async def test_turns_with_documents_or_instructions_stay_word_for_word() -> None:
    reading = (Message("user", "Read this: {{documents}}"), Message("assistant", "Read."))
    ruled = (*turn(3), Message("system", "From now on, be brief."))
    messages = (*turn(1), *reading, *turn(2), *ruled, *turn(4), Message("user", "and now?"))
    prompt = Prompt("p", messages, documents=(Document("d", "the text"),))
    tools = SmallTools(noting)
    after = (await change(prompt, tools, keep_turns=1)).prompt
    told = Message("system", f"{HEADING}\n1 2")
    assert after == replace(prompt, messages=(told, *reading, *ruled, *turn(4), Message("user", "and now?")))
    assert not any("documents" in message["content"] for message in tools.asked[0])


async def test_a_summary_opens_no_place_for_documents() -> None:
    after = (await change(chat(2), SmallTools(lambda asked: "It said {{documents}} there."), keep_turns=0)).prompt
    assert after.messages[0].content == f"{HEADING}\nIt said  there."


async def test_short_chats_and_plain_texts_are_left_alone() -> None:
    prompts = [Prompt("t", text="Say hello."), chat(4), chat(0, SYSTEM)]
    changed = await SUMMARY.transform(defaults(SUMMARY), prompts, SmallTools())
    assert [found.prompt for found in changed.changes] == prompts
    assert figures_of(changed).figures == {
        "turns_before": 4,
        "turns_after": 4,
        "history_tokens_before": 4 * 6,
        "history_tokens_after": 4 * 6,
    }


@pytest.mark.parametrize("nothing", ["", "  \n"])
async def test_an_empty_summary_leaves_the_turns_and_is_counted(nothing: str) -> None:
    tools = SmallTools(lambda asked: nothing)
    found = await change(chat(8), tools, keep_turns=1, block_turns=3)
    assert found.prompt == chat(8)
    assert len(tools.asked) == 1
    assert (found.figures["failed_summaries"], found.seconds) == (1, 0.5)
    seen = PromptFigures(1, 0, 50, 50, 0.5, found.figures)
    told = SUMMARY.evidence(defaults(SUMMARY), Observation({}, prompts=seen))
    assert told.took_effect is False
    assert told.detail == "nothing was summarised: the model wrote an empty summary, 1 times"


async def test_a_model_that_cannot_answer_names_the_prompt() -> None:
    class Failing(SmallTools):
        async def ask(self, messages: Sequence[Mapping[str, str]], max_tokens: int) -> Reply:
            raise InputError("the prompt is too long for the model")

    with pytest.raises(InputError, match="^prompt chat-9: the prompt is too long for the model$"):
        await change(chat(5, identifier="chat-9"), Failing())


async def test_evidence_says_what_was_saved_and_what_it_took() -> None:
    settings = defaults(SUMMARY, keep_turns=1, summary_tokens=8)
    changed = await SUMMARY.transform(settings, [chat(10), chat(0)], SmallTools(lambda asked: "one two " * 9))
    found = SUMMARY.evidence(settings, Observation(None, prompts=replace(figures_of(changed, 80, 40), changed=1)))
    assert found.took_effect is True
    # 10 turns of 6 words; afterwards one turn, a heading of 5 words and a summary of 8. Asked were 8 turns of 4 words,
    # then heading, summary and one turn.
    read = 8 * 4 + 13 + 4 + 2 * len(INSTRUCTION.split())
    assert found.detail == (
        "1 of 2 prompts have a summary; 1 of 10 earlier turns are sent word for word; "
        "history 6.0 -> 1.9 tokens per turn; prompt tokens 80 -> 40 (50.0%); "
        f"2 calls for summaries read {read} and wrote 16 tokens in 1.0 s; "
        "that is more than the 40 tokens saved: a summary pays when several later turns use it; "
        "prompts whose summary was cut off at 8 tokens: 1"
    )
    assert found.figures["tokens_per_turn_before"] == 6


def test_a_bill_below_what_was_saved_needs_no_remark() -> None:
    counts = {"turns_before": 10.0, "turns_after": 1.0, "history_tokens_before": 600.0, "history_tokens_after": 100.0}
    counts |= {"summary_calls": 1.0, "summary_prompt_tokens": 300.0, "summary_output_tokens": 40.0}
    seen = PromptFigures(9, 9, 5000, 1000, 1.0, {**counts, "failed_summaries": 2.0})
    found = SUMMARY.evidence(defaults(SUMMARY), Observation(None, prompts=seen))
    assert "pays" not in found.detail
    assert found.detail.endswith("prompts that kept all turns, because the model wrote an empty summary: 2")


@pytest.mark.parametrize(
    ("prompts", "why"),
    [
        ([], "no prompt has turns before its question"),
        ([Prompt("t", text="Hello.")], "no prompt has turns before its question"),
        ([chat(1), chat(0)], "no prompt has more than 1 turn before its question, and keep_turns is 4"),
        ([chat(4, SYSTEM)], "no prompt has more than 4 turns before its question, and keep_turns is 4"),
        ([chat(4), chat(5)], None),
    ],
)
def test_when_there_is_nothing_to_do(prompts: list[Prompt], why: str | None) -> None:
    assert SUMMARY.idle_on(defaults(SUMMARY), prompts) == why


def test_old_turns_that_may_not_be_summarised_are_nothing_to_do() -> None:
    reading = (Message("user", "{{documents}}"), Message("assistant", "Read."))
    prompt = Prompt("p", (*reading, *turn(1), Message("user", "?")), documents=(Document("d", "text"),))
    why = SUMMARY.idle_on(defaults(SUMMARY, keep_turns=1), [prompt])
    assert why == "the turns before the last 1 all carry documents or instructions, which are not summarised"


def test_an_instruction_of_ones_own_is_told() -> None:
    assert SUMMARY.variant(defaults(SUMMARY)) == ""
    assert SUMMARY.variant(defaults(SUMMARY, instruction="Sum up.")) == 'with the instruction "Sum up."'


def test_an_empty_instruction_is_refused() -> None:
    with pytest.raises(InputError, match=r"history_summary\.instruction is empty"):
        SUMMARY.check({"instruction": " "})
