"""A worker with a technique that changes prompts: what is sent, what is charged, what is refused before an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from app.experiment.kept_prompts import sent_prompt
from app.experiment.results import load_ladder
from app.experiment.spec import Rung
from app.preparation import counting
from optimizers.prompt import Prompt
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from optimizers.technique import Evidence, Observation, Technique, Value
from optimizers.transform import SELECTING, SUMMARISING, Change, Changed, Tools
from store.settings import Settings
from store.store import Store
from tests.app.experimenting import bodies, engines, finished, queue
from tests.app.serving import fake_vllm_server
from tests.building import chat_prompts, checkpoint_folder, use_fake_engine


class Shouting(Technique):
    """Writes a prompt in capitals, which takes it a quarter of a second each."""

    key = "shouting"
    title = "Shouting"
    attacks = "tokens sent"
    summary = claim = off_means = "capitals"
    prompt_order = SELECTING
    repeats: ClassVar[int] = 1

    async def transform(self, settings: Mapping[str, Value], prompts: Sequence[Prompt], tools: Tools) -> Changed:
        tools.progress(0, len(prompts))
        return Changed(tuple(Change(self.shout(prompt), 0.25, {"capitals": 1}) for prompt in prompts))

    def shout(self, prompt: Prompt) -> Prompt:
        messages = tuple(replace(m, content=m.content.upper() * self.repeats) for m in prompt.messages)
        return replace(prompt, messages=messages)

    def evidence(self, settings: Mapping[str, Value], seen: Observation) -> Evidence:
        assert seen.prompts is not None
        return Evidence(self.key, seen.prompts.changed > 0, "loud", {"kept": seen.prompts.kept})


class Asking(Shouting):
    """Puts an answer of the served model before the prompt."""

    key = "asking"
    title = "Asking"
    prompt_order = SUMMARISING
    asks_the_model = True

    async def transform(self, settings: Mapping[str, Value], prompts: Sequence[Prompt], tools: Tools) -> Changed:
        changes = []
        for prompt in prompts:
            reply = await tools.ask([{"role": "user", "content": f"summary of {prompt.id}"}], 8)
            last = replace(prompt.messages[-1], content=f"{reply.text} / {prompt.messages[-1].content}")
            changed = replace(prompt, messages=(*prompt.messages[:-1], last))
            changes.append(Change(changed, reply.seconds, {"tokens": reply.prompt_tokens + reply.completion_tokens}))
        return Changed(tuple(changes))


@pytest.fixture(autouse=True)
def registered(quick: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    techniques.cache_clear()
    for technique in (Shouting, Asking):
        techniques().register(technique)

    def words(folder: Path, prompts: Sequence[Prompt], chat: bool) -> list[int | None]:
        return [len(prompt.plain_text().split()) for prompt in prompts]

    monkeypatch.setattr(counting, "count_prompts", words)
    yield
    techniques.cache_clear()


def rungs(*keys: str) -> tuple[Rung, ...]:
    return (Rung("Baseline", Recipe()), Rung("changed", Recipe.of([(key, {}) for key in keys])))


def test_the_changed_prompts_are_sent_and_their_time_is_charged(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fake_engine(monkeypatch, log=tmp_path / "requests")
    model = checkpoint_folder(tmp_path / "tiny-model")
    number = queue(store, model, rungs=rungs("shouting"), repeats=2, prompts=chat_prompts(2))
    row = asyncio.run(finished(store, settings, number))
    assert (row.status, row.error, row.engine_starts) == ("done", None, 1)
    texts = [body["messages"][-1]["content"] for body in bodies(tmp_path / "requests")]
    assert sum(text.isupper() for text in texts) == 2 * (1 + 2)
    assert sum(not text.isupper() for text in texts) == 2 * (1 + 2)
    runs = store.runs.of_experiment(number)
    charged = [[request.prepared_ns for request in store.runs.requests(run.id)] for run in runs]
    assert charged == [[0, 0]] * 2 + [[250_000_000] * 2] * 2
    summaries = [run.summary or {} for run in runs]
    assert [summary["metrics"]["preparation_ms"]["mean"] for summary in summaries] == [None, None, 250.0, 250.0]
    assert summaries[-1]["evidence"][0]["took_effect"] is True
    cost = load_ladder(store, number).rungs[1].cost
    assert cost is not None
    assert cost > 2


def test_the_served_model_is_asked_once_for_all_repeats(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fake_engine(monkeypatch, log=tmp_path / "requests")
    model = checkpoint_folder(tmp_path / "tiny-model")
    number = queue(store, model, rungs=rungs("asking", "shouting"), repeats=2, prompts=chat_prompts(2))
    row = asyncio.run(finished(store, settings, number))
    assert (row.status, row.error) == ("done", None)
    texts = [body["messages"][-1]["content"] for body in bodies(tmp_path / "requests")]
    assert sum(text.startswith("summary of") for text in texts) == 2
    # Shouting comes first in the order of the work, so what the model said before it stays as it was said.
    sent = [text for text in texts if " / " in text]
    assert len(sent) == 2 * (1 + 2)
    assert all(text.partition(" / ")[2].isupper() for text in sent)
    for run in store.runs.of_experiment(number)[2:]:
        assert all(request.prepared_ns > 250_000_000 for request in store.runs.requests(run.id))


def test_a_prompt_without_room_is_refused_before_an_engine_starts(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fake_engine(monkeypatch, log=tmp_path / "requests")
    monkeypatch.setattr(Shouting, "repeats", 400)
    model = checkpoint_folder(tmp_path / "tiny-model")
    number = queue(store, model, rungs=rungs("shouting"), prompts=chat_prompts(2))
    row = asyncio.run(finished(store, settings, number))
    assert row.status == "failed"
    assert row.error is not None
    assert "tokens after shouting and asks for" in row.error
    assert "raise --max-model-len" in row.error
    assert engines(store) == []


def known_later(store: Store, settings: Settings, number: int) -> list[str]:
    """The last message of each prompt of the last run, as what is kept says that it was sent."""
    run = store.runs.of_experiment(number)[-1]
    found = [
        sent_prompt(store, settings, Recipe.from_json(run.recipe), run.manifest or {}, prompt)
        for prompt in chat_prompts(2).prompts
    ]
    return [prompt.messages[-1].content for prompt in found if prompt is not None]


@pytest.mark.parametrize("keys", [("shouting",), ("asking", "shouting")])
def test_what_an_engine_was_sent_can_be_read_when_it_has_gone(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keys: tuple[str, ...]
) -> None:
    use_fake_engine(monkeypatch, log=tmp_path / "requests")
    model = checkpoint_folder(tmp_path / "tiny-model")
    number = queue(store, model, rungs=rungs(*keys), warm_up=0, prompts=chat_prompts(2))
    asyncio.run(finished(store, settings, number))
    sent = [body["messages"][-1]["content"] for body in bodies(tmp_path / "requests")][-2:]
    assert all("QUESTION" in text for text in sent)
    assert sorted(known_later(store, settings, number)) == sorted(sent)


async def test_so_can_what_somebody_elses_endpoint_was_sent(store: Store, settings: Settings, tmp_path: Path) -> None:
    async with fake_vllm_server(log=tmp_path / "requests") as (url, _):
        asked, tried = chat_prompts(2), rungs("asking", "shouting")
        number = queue(store, None, prompts=asked, rungs=tried, endpoint=url, warm_up=0)
        await finished(store, settings, number)
    sent = [body["messages"][-1]["content"] for body in bodies(tmp_path / "requests")][-2:]
    assert all("QUESTION" in text for text in sent)
    assert sorted(known_later(store, settings, number)) == sorted(sent)
