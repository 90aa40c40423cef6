"""A saved prompt as a run sent it: told where it is still known, and never made up where it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.experiment.kept_prompts import sent_prompt
from app.preparation import counting
from app.preparation.counting import FolderCounter
from app.preparation.prompts import Prepared, prepare
from app.preparation.tools import PreparationTools
from optimizers.prompt import Document, Message, Prompt
from optimizers.recipe import Recipe
from store.settings import Settings
from store.store import Store

DOCUMENTS = (Document("a", "The red valve costs 5 EUR."), Document("b", "Nothing of interest stands here."))
PROMPT = Prompt("p", (Message("user", "{{documents}}\nWhat costs the red valve?"),), documents=DOCUMENTS)
SELECT = Recipe.of([("context_selection", {"top_k": 1})])
MANIFEST: Mapping[str, Any] = {
    "engine": {"key": "plan"},
    "model": {"fingerprint": "0a1b2c"},
    "chat_template": True,
    "models": {},
}


@pytest.fixture(autouse=True)
def sent(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Prompt:
    """What a run of SELECT with MANIFEST made of PROMPT."""

    def words(folder: object, prompts: Sequence[Prompt], chat: bool) -> list[int | None]:
        return [len(prompt.plain_text().split()) for prompt in prompts]

    monkeypatch.setattr(counting, "count_prompts", words)
    counter = FolderCounter(settings.home, "0a1b2c", True)
    tools = PreparationTools(counter, lambda done, total: None)
    begun = Prepared.begin([PROMPT], SELECT)
    return asyncio.run(prepare(begun, tools, counter, settings.prepared_prompts, {})).prompts[0]


def test_the_prompt_as_it_was_sent(store: Store, settings: Settings, sent: Prompt) -> None:
    assert [document.id for document in sent.documents] == ["a"]
    assert sent_prompt(store, settings, SELECT, MANIFEST, PROMPT) == sent


def test_without_a_technique_for_prompts_it_was_sent_as_it_is_saved(store: Store, settings: Settings) -> None:
    assert sent_prompt(store, settings, Recipe().plus("prefix_caching"), {}, PROMPT) == PROMPT


@pytest.mark.parametrize(
    "other",
    [
        {"model": {"fingerprint": "another"}},
        {"chat_template": False},
        {"engine": {"attached_to": "http://127.0.0.1:1"}},
        {"models": {"context_selection.embedder": {"fingerprint": "another"}}},
    ],
)
def test_what_another_run_made_of_it_is_not_shown_for_this_one(
    store: Store, settings: Settings, other: dict[str, Any]
) -> None:
    assert sent_prompt(store, settings, SELECT, {**MANIFEST, **other}, PROMPT) is None


def test_other_settings_and_other_prompts_are_other_work(store: Store, settings: Settings) -> None:
    order = Recipe.of([("context_selection", {"top_k": 1, "keep_order": False})])
    assert sent_prompt(store, settings, order, MANIFEST, PROMPT) is None
    assert sent_prompt(store, settings, SELECT, MANIFEST, replace(PROMPT, documents=DOCUMENTS[:1])) is None


def test_a_model_that_is_not_here_any_more_leaves_nothing_to_show(store: Store, settings: Settings) -> None:
    recipe = Recipe.of([("context_selection", {"top_k": 1, "by": "embeddings", "embedder": "/gone/away"})])
    assert sent_prompt(store, settings, recipe, MANIFEST, PROMPT) is None
