"""Previews of a whole recipe: techniques work one after the other, as in a run, and none is asked for an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.preparation.previewing import preview_recipe, preview_with
from optimizers.errors import InputError
from optimizers.prompt import Document, Message, Prompt
from optimizers.prompt_compression import PromptCompression
from optimizers.recipe import Recipe
from optimizers.transform import Change, Changed
from store.settings import Settings
from store.store import Store
from tests.fakes.launch import ROOT

DOCUMENTS = (Document("a", "The red valve costs 5 EUR."), Document("b", "Nothing of interest stands here."))
PROMPT = Prompt("p", (Message("user", "{{documents}}\nWhat costs the red valve?"),), documents=DOCUMENTS)
SELECT = ("context_selection", {"top_k": 1})
COMPRESS = ("prompt_compression", {"compressor": "starter-classifier", "method": "llmlingua2"})


@pytest.fixture(autouse=True)
def models(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real tokenizer to count with, and a compressor that drops one word without loading a model."""

    async def without_red(
        self: object, settings: Mapping[str, Any], prompts: Sequence[Prompt], tools: object
    ) -> Changed:
        def shorter(prompt: Prompt) -> Prompt:
            return replace(
                prompt, documents=tuple(replace(each, text=each.text.replace("red ", "")) for each in prompt.documents)
            )

        return Changed(tuple(Change(shorter(prompt), 0.25) for prompt in prompts))

    monkeypatch.setattr("store.settings.STARTER_MODELS", ROOT / "starter" / "models")
    monkeypatch.setattr(PromptCompression, "transform", without_red)


def test_each_works_on_what_the_one_before_left(store: Store, settings: Settings) -> None:
    recipe = Recipe.of([COMPRESS, ("prefix_caching", {}), SELECT])
    found, model = preview_recipe(store, settings, "starter", recipe, PROMPT)
    assert (found.technique, model, found.idle) == ("context_selection, prompt_compression", "starter", None)
    kept = {part.title: "".join(span.text for span in part.spans if span.kind == "kept") for part in found.parts}
    assert kept["document b"].strip() == ""
    assert kept["document a"].split() == ["The", "valve", "costs", "5", "EUR."]
    assert found.model_tokens.after < found.model_tokens.before
    assert found.seconds >= 0.25


def test_one_without_work_is_told_and_the_rest_is_done(store: Store, settings: Settings) -> None:
    bare = Prompt("p", (Message("system", "Be brief and kind."), Message("user", "What costs the red valve?")))
    found, _ = preview_recipe(store, settings, "starter", Recipe.of([SELECT, COMPRESS]), bare)
    assert found.idle == "no prompt carries documents"
    assert found.seconds == 0.25


def test_a_technique_that_asks_the_model_is_refused(store: Store, settings: Settings) -> None:
    with pytest.raises(InputError, match="history_summary asks the served model, and no engine runs for a preview"):
        preview_recipe(store, settings, "starter", Recipe.of([("history_summary", {})]), PROMPT)


def test_a_technique_that_changes_no_prompt_has_no_preview(store: Store, settings: Settings) -> None:
    with pytest.raises(InputError, match="prefix_caching changes no prompt"):
        preview_with(store, settings, "starter", "prefix_caching", {}, PROMPT)
