"""Prompts made ready: the order of techniques, what is charged, what is kept, what waits for an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from app.preparation.kept import KeptChanges
from app.preparation.prompts import Prepared, prepare
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from optimizers.technique import Evidence, Observation, Setting, Technique, Value
from optimizers.transform import COMPRESSING, SELECTING, Change, Changed, Reply, Tools, Worked


class Words(Technique):
    """Base of two techniques that leave words out; counts the prompts that it was asked to change."""

    title = "Words"
    attacks = "tokens sent"
    summary = claim = off_means = "words"
    asked: ClassVar[list[str]]

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        return Evidence(self.key, None, "")

    async def transform(self, settings: Mapping[str, Value], prompts: Sequence[Prompt], tools: Tools) -> Changed:
        self.asked.extend(prompt.id for prompt in prompts)
        changes = [Change(self.cut(prompt, settings), 0.5, {"words_left_out": 1.0}) for prompt in prompts]
        return Changed(tuple(changes), {"peak_memory_bytes": 100.0 * len(prompts)})

    def cut(self, prompt: Prompt, settings: Mapping[str, Value]) -> Prompt:
        raise NotImplementedError


class First(Words):
    key = "first_word"
    prompt_order = SELECTING
    settings = (Setting("times", "int", 1, "how often"),)
    asked: ClassVar[list[str]] = []

    def cut(self, prompt: Prompt, settings: Mapping[str, Value]) -> Prompt:
        words = (prompt.text or "").split()
        return Prompt(prompt.id, text=" ".join(words[int(settings["times"] or 0) :]))

    def idle_on(self, settings: Mapping[str, Value], prompts: Sequence[Prompt]) -> str | None:
        return None if any(prompt.text for prompt in prompts) else "no prompt is plain text"


class Louder(Words):
    key = "louder"
    prompt_order = COMPRESSING
    asks_the_model = True
    asked: ClassVar[list[str]] = []

    def cut(self, prompt: Prompt, settings: Mapping[str, Value]) -> Prompt:
        return Prompt(prompt.id, text=f"{prompt.text}!")


class WordCounter:
    identity: ClassVar[Mapping[str, Any]] = {"model": "words"}

    async def prompts(self, prompts: Sequence[Prompt]) -> list[int | None]:
        return [len((prompt.text or "").split()) for prompt in prompts]

    async def texts(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class NoTools:
    async def count(self, texts: Sequence[str]) -> list[int]:
        return await WordCounter().texts(texts)

    async def work(self, module: str, task: Mapping[str, Any]) -> Worked:
        raise NotImplementedError

    async def ask(self, messages: Sequence[Mapping[str, str]], max_tokens: int) -> Reply:
        raise NotImplementedError

    def progress(self, done: int, total: int) -> None:
        pass


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    techniques.cache_clear()
    techniques().register(First)
    techniques().register(Louder)
    First.asked.clear()
    Louder.asked.clear()
    yield
    techniques.cache_clear()


PROMPTS = (Prompt("a", text="one two three"), Prompt("b", text="four five"))


def go(
    recipe: Recipe, folder: Path, engine: Mapping[str, Any] | None = None, prompts: Sequence[Prompt] = PROMPTS
) -> Prepared:
    begun = Prepared.begin(prompts, recipe)
    return asyncio.run(prepare(begun, NoTools(), WordCounter(), folder, {}, engine))


def both(times: int = 1) -> Recipe:
    """Named in the other order than they work in."""
    return Recipe.of([("louder", {}), ("first_word", {"times": times})])


def test_techniques_work_in_their_own_order_and_are_charged(tmp_path: Path) -> None:
    prepared = go(both(), tmp_path, engine={"plan": "x"})
    assert [prompt.text for prompt in prepared.prompts] == ["two three!", "five!"]
    assert prepared.seconds == (1.0, 1.0)
    assert list(prepared.figures) == ["first_word", "louder"]
    first = prepared.figures["first_word"]
    assert (first.prompts, first.changed, first.tokens_before, first.tokens_after, first.seconds) == (2, 2, 5, 3, 1.0)
    assert first.figures == {"words_left_out": 2.0, "peak_memory_bytes": 200.0}
    assert prepared.saved_tokens == 5


def test_what_asks_the_model_waits_for_an_engine(tmp_path: Path) -> None:
    prepared = go(both(), tmp_path)
    assert prepared.waits_for_engine
    assert [prompt.text for prompt in prepared.prompts] == ["two three", "five"]
    done = asyncio.run(prepare(prepared, NoTools(), WordCounter(), tmp_path, {}, {"plan": "x"}))
    assert not done.waits_for_engine
    assert done.prompts[0].text == "two three!"


def test_the_same_prompt_is_changed_once_and_charged_each_time(tmp_path: Path) -> None:
    recipe = Recipe.of([("first_word", {})])
    go(recipe, tmp_path, prompts=PROMPTS[:1])
    again = go(recipe, tmp_path)
    assert First.asked == ["a", "b"]
    assert again.seconds == (0.5, 0.5)
    assert again.figures["first_word"].figures["peak_memory_bytes"] == 100.0


def test_other_settings_another_text_or_another_engine_are_another_content(tmp_path: Path) -> None:
    go(both(), tmp_path, engine={"plan": "x"})
    go(both(times=2), tmp_path, engine={"plan": "x"})
    assert First.asked == ["a", "b", "a", "b"]
    go(both(), tmp_path, engine={"plan": "y"})
    assert First.asked == ["a", "b", "a", "b"]
    assert len(Louder.asked) == 6


def test_a_kept_file_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    recipe = Recipe.of([("first_word", {})])
    go(recipe, tmp_path)
    for path in tmp_path.rglob("prompt-*.json"):
        path.write_text(path.read_text()[:20])
    assert go(recipe, tmp_path).prompts[0].text == "two three"
    assert First.asked == ["a", "b", "a", "b"]


def test_a_technique_with_nothing_to_do_is_refused() -> None:
    with pytest.raises(InputError, match="first_word has nothing to do here: no prompt is plain text; leave it out"):
        Prepared.begin([Prompt("a", text="")], Recipe.of([("first_word", {})]))


def test_facts_keep_the_largest(tmp_path: Path) -> None:
    kept = KeptChanges(tmp_path, {"technique": "t"})
    kept.add_facts({"peak": 3.0})
    kept.add_facts({"peak": 2.0, "load_s": 1.0})
    assert kept.facts == {"peak": 3.0, "load_s": 1.0}
