"""What is compressed, what stays, who pays, and what is said of it. The library is in jobs/test_lingua_job.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from optimizers.errors import InputError
from optimizers.prompt import Document, Message, Prompt
from optimizers.prompt_compression import JOB, PromptCompression
from optimizers.technique import ModelFacts, Observation
from tests.optimizers.tools import SmallTools, defaults, figures_of

COMPRESSION = PromptCompression()
SYSTEM = "You are the desk of a shop that sells lamps and kettles to everyone."
LETTER = "On Monday the pipe behind the sink in the paint store broke once more."
CLASSIFIER = ModelFacts("small", {"architectures": ["XLMRobertaForTokenClassification"]})
CAUSAL = ModelFacts("draft", {"architectures": ["LlamaForCausalLM"]})


def halved(text: str) -> str:
    """Every second word, in place of a model's judgement."""
    return " ".join(text.split()[::2])


def job(module: str, task: Mapping[str, Any]) -> Any:
    assert module == JOB
    units = [
        {"texts": [halved(text) for text in unit["texts"]], "order": [*range(len(unit["texts"]))][::-1], "seconds": 2.0}
        for unit in task["units"]
    ]
    return {"units": units, "load_seconds": 5.0, "device": "cpu", "gpu_memory_bytes": None}


def prompt(identifier: str, letter: str = LETTER, question: str = "What broke on that Monday, please?") -> Prompt:
    messages = (Message("system", SYSTEM), Message("user", f"{letter}\n\n{question}"))
    return Prompt(identifier, messages)


def settings(**given: Any) -> dict[str, Any]:
    return defaults(COMPRESSION, compressor="small", **given)


async def test_shared_text_is_compressed_once_and_paid_by_the_first_prompt() -> None:
    tools = SmallTools(job=job)
    changed = await COMPRESSION.transform(settings(), [prompt("a"), prompt("b", LETTER + " Twice.")], tools)
    first, second = changed.changes
    assert first.prompt.messages[0] == second.prompt.messages[0] == Message("system", halved(SYSTEM))
    assert len(tools.worked[0][1]["units"]) == 3
    assert (first.seconds, second.seconds) == (4.0, 2.0)
    assert first.figures == {"texts": 2, "texts_left": 0, "source_tokens": len(f"{SYSTEM} {LETTER}".split())}
    assert second.figures["texts"] == 1
    assert changed.facts == {"peak_memory_bytes": 1000, "load_seconds": 5.0}


async def test_the_question_stays_word_for_word() -> None:
    changed = await COMPRESSION.transform(settings(), [prompt("a")], SmallTools(job=job))
    assert changed.changes[0].prompt.messages[1].content == f"{halved(LETTER)}\n\nWhat broke on that Monday, please?"


async def test_a_system_prompt_stays_when_asked_for() -> None:
    changed = await COMPRESSION.transform(settings(protect_system=True), [prompt("a")], SmallTools(job=job))
    assert changed.changes[0].prompt.messages[0].content == SYSTEM


async def test_a_question_that_would_be_dropped_is_refused_by_the_prompts_name() -> None:
    long = prompt("p7", question="What broke on that Monday, and who has seen it break?")
    with pytest.raises(InputError, match="prompt p7: the compressor drops words of its question; set prompt_comp"):
        await COMPRESSION.transform(settings(protect_question=False), [long], SmallTools(job=job))


@pytest.mark.parametrize("worse", ["", "  ", LETTER, f"{LETTER} and more"])
async def test_what_comes_back_empty_or_no_shorter_stays_as_it_was(worse: str) -> None:
    def bad(module: str, task: Mapping[str, Any]) -> Any:
        found = job(module, task)
        return {**found, "units": [{**unit, "texts": [worse]} for unit in found["units"]]}

    asked = [replace(prompt("a"), messages=prompt("a").messages[1:])]
    changed = await COMPRESSION.transform(settings(), asked, SmallTools(job=bad))
    assert changed.changes[0].prompt == asked[0]
    assert changed.changes[0].figures["texts_left"] == 1
    figures = figures_of(changed, 21, 21)
    evidence = COMPRESSION.evidence(settings(), Observation({}, prompts=figures))
    assert evidence.took_effect is False
    assert "all 21 prompt tokens were kept" in evidence.detail
    assert "1 of 1 texts would not have got shorter" in evidence.detail


async def test_short_turns_are_left_alone() -> None:
    thanks = Prompt("t", (Message("user", "Thank you, that is all."), Message("assistant", "You are welcome.")))
    changed = await COMPRESSION.transform(settings(protect_question=False), [thanks], SmallTools())
    assert changed.changes[0].prompt == thanks
    assert changed.changes[0].seconds == 0


async def test_a_target_becomes_a_rate_of_what_may_be_dropped() -> None:
    tools = SmallTools(job=job)
    one = prompt("a")
    free, kept = len(f"{SYSTEM} {LETTER}".split()), 6
    await COMPRESSION.transform(settings(target_tokens=kept + free // 2, rate=0.9), [one], tools)
    assert {unit["rate"] for unit in tools.worked[0][1]["units"]} == {round(free // 2 / free, 2)}
    roomy = await COMPRESSION.transform(settings(target_tokens=1000), [one], SmallTools())
    assert roomy.changes[0].prompt == one
    await COMPRESSION.transform(settings(target_tokens=1), [one], tools)
    assert {unit["rate"] for unit in tools.worked[1][1]["units"]} == {0.05}


def desk() -> Prompt:
    documents = tuple(Document(name, f"The record of {name} says that it was paid in full.") for name in "abc")
    return Prompt("desk", (Message("user", "Records:\n\n{{documents}}\n\nWho paid?"),), documents=documents)


async def test_the_question_ranks_documents_and_puts_the_best_first() -> None:
    tools = SmallTools(job=job)
    changed = await COMPRESSION.transform(settings(method="longllmlingua"), [desk()], tools)
    (unit,) = tools.worked[0][1]["units"]
    assert (unit["question"], unit["rank"], len(unit["texts"])) == ("Who paid?", True, 3)
    assert [document.id for document in changed.changes[0].prompt.documents] == ["c", "b", "a"]
    kept = await COMPRESSION.transform(settings(method="longllmlingua", reorder=False), [desk()], tools)
    assert [document.id for document in kept.changes[0].prompt.documents] == ["a", "b", "c"]
    plain = await COMPRESSION.transform(settings(), [desk()], tools)
    assert [document.id for document in plain.changes[0].prompt.documents] == ["a", "b", "c"]
    assert {unit["question"] for unit in tools.worked[2][1]["units"]} == {""}


async def test_without_a_question_there_is_no_longllmlingua() -> None:
    silent = Prompt("s", (Message("system", SYSTEM),))
    with pytest.raises(InputError, match="prompt s: longllmlingua needs a question"):
        await COMPRESSION.transform(settings(method="longllmlingua"), [silent], SmallTools(job=job))


async def test_without_a_compressor_nothing_begins() -> None:
    bare = defaults(COMPRESSION)
    assert "prompt_compression.compressor is empty" in str(COMPRESSION.refuse(bare, CAUSAL, {}))
    with pytest.raises(InputError, match="compressor is empty"):
        await COMPRESSION.transform(bare, [prompt("a")], SmallTools())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rate": 0}, "rate is 0, outside what is allowed"),
        ({"rate": 2}, "rate is 2, outside what is allowed"),
        ({"target_tokens": 0}, "target_tokens is 0"),
        ({"method": "gzip"}, "must be one of: llmlingua2"),
        ({"method": "llmlingua", "scoring": "library", "keep_numbers": True}, "choose tokens or words"),
        ({"method": "longllmlingua", "scoring": "library", "force_tokens": "EUR"}, "choose tokens or words"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        settings(**given)


@pytest.mark.parametrize(
    ("method", "compressor", "says"),
    [
        ("llmlingua2", CLASSIFIER, None),
        ("llmlingua", CAUSAL, None),
        ("longllmlingua", CAUSAL, None),
        ("llmlingua2", CAUSAL, "LLMLingua-2 needs a token classifier (…ForTokenClassification); draft is Llama"),
        ("longllmlingua", CLASSIFIER, "LongLLMLingua needs a causal language model; small is XLMRoberta"),
        ("llmlingua2", replace(CLASSIFIER, vocabulary={"Ġa": 1}), "that of small does neither"),
        ("llmlingua2", replace(CLASSIFIER, vocabulary={"a": 1, "##b": 2}), None),
    ],
)
def test_each_method_wants_its_kind_of_model(method: str, compressor: ModelFacts, says: str | None) -> None:
    refused = COMPRESSION.refuse(settings(method=method), CAUSAL, {"compressor": compressor})
    assert refused is None if says is None else says in str(refused)


def test_there_may_be_nothing_to_do() -> None:
    assert "keeps every word" in str(COMPRESSION.idle_on(settings(rate=1), [prompt("a")]))
    one = Prompt("q", (Message("user", "Only a question of one paragraph?"),))
    assert COMPRESSION.idle_on(settings(), [one]) == "all of every prompt is protected"
    assert COMPRESSION.idle_on(settings(), [one, prompt("a")]) is None
    assert COMPRESSION.idle_on(settings(rate=1, target_tokens=5), [prompt("a")]) is None


async def test_the_evidence_says_what_was_kept_and_what_it_took() -> None:
    changed = await COMPRESSION.transform(settings(), [prompt("a")], SmallTools(job=job))
    evidence = COMPRESSION.evidence(settings(), Observation({}, prompts=figures_of(changed, 1000, 600)))
    assert evidence.took_effect is True
    assert evidence.detail.startswith("1,000 prompt tokens became 600 (60.0% kept) by LLMLingua-2 with small; 4.00 s")
    assert evidence.figures["seconds_per_1000_tokens"] == pytest.approx(1000 * 4 / len(f"{SYSTEM} {LETTER}".split()))
    grown = COMPRESSION.evidence(settings(), Observation({}, prompts=figures_of(changed, 600, 610)))
    assert grown.took_effect is False
    assert grown.detail.startswith("prompts grew from 600 to 610 tokens")
    assert COMPRESSION.evidence(settings(), Observation({})).took_effect is None


def test_a_plan_says_who_compresses() -> None:
    assert COMPRESSION.variant(settings()) == "by LLMLingua-2 with small"
    whole = defaults(COMPRESSION, compressor="/models/judge", method="llmlingua")
    assert COMPRESSION.variant(whole) == "by LLMLingua with judge"
    assert COMPRESSION.variant(defaults(COMPRESSION)) == ""
