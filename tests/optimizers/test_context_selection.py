"""Context selection: which documents stay, in what order, and what is said of the answers that they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from optimizers.context_selection import EMBED_JOB, ContextSelection, answers_told, best, question_of
from optimizers.errors import InputError
from optimizers.prompt import Document, Message, Prompt
from optimizers.technique import ModelFacts, Observation
from optimizers.transform import PromptFigures
from starter.prompt_sets import make_all
from tests.optimizers.tools import SmallTools, defaults, figures_of

SELECTION = ContextSelection()
KETTLE = Document("kettle", "Order 4821 article: copper kettle")
LAMP = Document("lamp", "Order 5310 article: reading lamp")
SHELF = Document("shelf", "Order 7702 article: oak shelf")


def prompt(question: str, *documents: Document, answer: str | None = None, identifier: str = "p") -> Prompt:
    messages = (Message("system", "Answer from the records."), Message("user", f"{{{{documents}}}}\n\n{question}"))
    return Prompt(identifier, messages, documents=documents, answer_document=answer)


def ids(kept: Prompt) -> list[str]:
    return [document.id for document in kept.documents]


async def select(*prompts: Prompt, tools: SmallTools | None = None, **settings: Any) -> list[list[str]]:
    changed = await SELECTION.transform(defaults(SELECTION, **settings), prompts, tools or SmallTools())
    return [ids(change.prompt) for change in changed.changes]


async def test_the_documents_that_fit_the_question_stay() -> None:
    asked = prompt("Which article is in order 7702?", KETTLE, LAMP, SHELF, answer="shelf")
    changed = await SELECTION.transform(defaults(SELECTION, top_k=1), [asked], SmallTools())
    after = changed.changes[0].prompt
    assert ids(after) == ["shelf"]
    assert after.rendered_messages()[1]["content"] == f"{SHELF.text}\n\nWhich article is in order 7702?"
    assert changed.changes[0].seconds > 0
    assert changed.changes[0].figures == {
        "documents_before": 3,
        "documents_after": 1,
        "answers_known": 1,
        "answers_kept": 1,
        "unmatched": 0,
    }


async def test_the_saved_order_is_kept_or_the_best_comes_first() -> None:
    asked = prompt("oak shelf, or order 4821?", LAMP, KETTLE, SHELF)
    assert await select(asked) == [["kettle", "shelf"]]
    assert await select(asked, keep_order=False) == [["shelf", "kettle"]]


async def test_the_last_question_alone_decides() -> None:
    messages = (
        Message("system", "shelf shelf {{documents}}"),
        Message("user", "Tell me about the shelf."),
        Message("assistant", "The shelf is of oak."),
        Message("user", "And the lamp?"),
    )
    assert await select(Prompt("p", messages, documents=(KETTLE, SHELF, LAMP)), top_k=1) == [["lamp"]]


async def test_what_needs_no_choice_is_left_alone() -> None:
    plain, few = Prompt("t", text="Say hello."), prompt("lamp?", SHELF, LAMP)
    unsent = Prompt("u", (Message("user", "lamp?"),), documents=(KETTLE, SHELF, LAMP))
    changed = await SELECTION.transform(defaults(SELECTION, keep_order=False), [plain, few, unsent], SmallTools())
    assert [change.prompt for change in changed.changes] == [plain, few, unsent]
    assert figures_of(changed).figures == {
        "documents_before": 2,
        "documents_after": 2,
        "answers_known": 0,
        "answers_kept": 0,
    }


async def test_a_prompt_without_a_question_is_named() -> None:
    asked = prompt("", KETTLE, LAMP, SHELF, identifier="odd-7")
    with pytest.raises(InputError, match="^prompt odd-7: the user says nothing beside the documents"):
        await select(asked)


def test_the_question_is_what_the_user_says_beside_the_documents() -> None:
    assert question_of(prompt("Which lamp?", LAMP)) == "Which lamp?"
    earlier = (Message("user", "Which lamp?"), Message("user", "{{documents}}"), Message("assistant", "Let me see."))
    assert question_of(Prompt("p", earlier, documents=(LAMP,))) == "Which lamp?"


@pytest.mark.parametrize(
    ("scores", "top_k", "in_order", "best_first"),
    [([0.0, 0.0, 0.0], 2, [0, 1], [0, 1]), ([1.0, 3.0, 2.0, 3.0], 3, [1, 2, 3], [1, 3, 2]), ([1.0], 5, [0], [0])],
)
def test_of_equal_scores_the_earlier_wins(
    scores: list[float], top_k: int, in_order: list[int], best_first: list[int]
) -> None:
    assert best(scores, top_k, keep_order=True) == in_order
    assert best(scores, top_k, keep_order=False) == best_first


async def test_a_question_that_no_document_shares_a_word_with_is_counted() -> None:
    changed = await SELECTION.transform(defaults(SELECTION), [prompt("Why?", KETTLE, LAMP, SHELF)], SmallTools())
    assert ids(changed.changes[0].prompt) == ["kettle", "lamp"]
    found = SELECTION.evidence(defaults(SELECTION), Observation(None, prompts=figures_of(changed, 10, 7)))
    assert "prompts whose question shares no word with any document, so the first stayed: 1" in found.detail


async def test_every_saved_support_question_keeps_its_record() -> None:
    desk = next(made for made in make_all() if made.name == "support-desk")
    prompts = [Prompt.from_json(row.to_json()) for row in desk.rows]
    changed = await SELECTION.transform(defaults(SELECTION, top_k=1), prompts, SmallTools())
    counts = figures_of(changed).figures
    assert counts["documents_after"] == counts["answers_known"] == len(prompts)
    assert counts["answers_kept"] == len(prompts)


def embedding(module: str, task: Mapping[str, Any]) -> Any:
    """Scores that rise towards the last document."""
    assert module == EMBED_JOB
    prompts = [
        {"scores": [float(at) for at in range(len(one["documents"]))], "seconds": 0.25, "cut": 1}
        for one in task["prompts"]
    ]
    return {"prompts": prompts, "load_seconds": 2.0}


async def test_embeddings_are_made_by_a_job_and_charged_by_the_prompt() -> None:
    tools = SmallTools(job=embedding)
    settings = defaults(SELECTION, by="embeddings", embedder="/models/small", top_k=1)
    asked = prompt("lamp?", KETTLE, LAMP, SHELF)
    changed = await SELECTION.transform(settings, [prompt("lamp?", LAMP), asked, asked], tools)
    assert [ids(change.prompt) for change in changed.changes] == [["lamp"], ["shelf"], ["shelf"]]
    assert [change.seconds for change in changed.changes] == [0, 0.25, 0.25]
    assert changed.facts == {"embedder_load_seconds": 2.0, "embedder_peak_memory_bytes": 1000.0}
    task = {"question": "lamp?", "documents": [KETTLE.text, LAMP.text, SHELF.text]}
    assert tools.worked == [(EMBED_JOB, {"model": "/models/small", "prompts": [task, task]})]
    found = SELECTION.evidence(settings, Observation(None, prompts=figures_of(changed, 30, 10)))
    assert "texts longer than the embedder reads, so judged by their beginning: 2" in found.detail
    assert "ranking by small took 166.7 ms a prompt" in found.detail
    assert found.figures["embedder_load_seconds"] == 2.0


async def test_no_embedder_is_loaded_for_nothing() -> None:
    settings = defaults(SELECTION, by="embeddings", embedder="small")
    changed = await SELECTION.transform(settings, [prompt("lamp?", LAMP)], SmallTools())
    assert changed.facts == {}


def test_evidence_tells_what_was_sent_and_which_answers_are_lost() -> None:
    counts = {"documents_before": 12.0, "documents_after": 4.0, "answers_known": 4.0, "answers_kept": 3.0}
    seen = PromptFigures(4, 4, 4000, 1500, 0.1, counts)
    found = SELECTION.evidence(defaults(SELECTION), Observation({}, prompts=seen))
    assert found.took_effect is True
    assert found.detail.startswith(
        "4 of 12 documents sent; prompt tokens 4,000 -> 1,500 (37.5%); the document with the answer survived in 3 of 4 "
        "prompts where it is known; prompts that lost it: 1; ranking by BM25 took "
    )
    assert found.figures["answers_kept"] == 3
    assert (found.figures["tokens_before"], found.figures["tokens_after"]) == (4000, 1500)


def test_nothing_left_out_is_no_effect() -> None:
    seen = PromptFigures(4, 0, 4000, 4000, 0.0, {"documents_before": 12.0, "documents_after": 12.0})
    found = SELECTION.evidence(defaults(SELECTION), Observation({}, prompts=seen))
    assert found.took_effect is False
    assert found.detail == "no document was left out: all 12 were sent"


def test_what_is_told_of_the_answers() -> None:
    assert answers_told(0, 0) == "which documents hold the answers is not known"
    assert answers_told(9, 9) == "the document with the answer survived in all 9 prompts where it is known"
    assert answers_told(9, 7).endswith("7 of 9 prompts where it is known; prompts that lost it: 2")


@pytest.mark.parametrize(
    ("prompts", "why"),
    [
        ([Prompt("t", text="Say hello.")], "no prompt carries documents"),
        ([Prompt("u", (Message("user", "lamp?"),), documents=(KETTLE, SHELF, LAMP))], "no prompt carries documents"),
        ([prompt("lamp?", LAMP)], "no prompt carries more than 1 document, and top_k is 2"),
        ([prompt("lamp?", LAMP, SHELF)], "no prompt carries more than 2 documents, and top_k is 2"),
        ([prompt("lamp?", LAMP), prompt("lamp?", LAMP, SHELF, KETTLE)], None),
    ],
)
def test_when_there_is_nothing_to_do(prompts: list[Prompt], why: str | None) -> None:
    assert SELECTION.idle_on(defaults(SELECTION), prompts) == why


def test_embeddings_need_an_embedder_of_a_fitting_kind() -> None:
    with pytest.raises(InputError, match=r"context_selection\.embedder is empty"):
        SELECTION.check({"by": "embeddings"})
    settings = defaults(SELECTION, by="embeddings", embedder="/models/small")
    assert SELECTION.variant(settings) == "by embeddings of small"
    assert SELECTION.named_models(settings) == {"embedder": "/models/small"}
    served = ModelFacts("served")
    both = ModelFacts("t5", {"is_encoder_decoder": True})
    assert SELECTION.refuse(settings, served, {"embedder": ModelFacts("e5")}) is None
    assert "t5 is an encoder with a decoder" in str(SELECTION.refuse(settings, served, {"embedder": both}))


def test_bm25_names_no_model() -> None:
    settings = defaults(SELECTION, embedder="small")
    assert SELECTION.named_models(settings) == {}
    assert SELECTION.variant(settings) == ""
