"""Counts side by side: who shares a tokenizer, and why one counts nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.experiment.tokenizers import Counted, count_by_all, local_models
from app.prompts.prompt_set import PromptSet
from optimizers.prompt import Message, Prompt
from store.settings import Settings
from store.store import Store
from tests.app.prompts.test_encoding import make_tokenizer
from tests.building import checkpoint_folder

PROMPTS = PromptSet("s", (Prompt("a", text="one two"), Prompt("b", text="one two three go")))


def by_name(found: tuple[Counted, ...]) -> dict[str, Counted]:
    return {", ".join(each.names): each for each in found}


def test_models_with_the_same_tokenizer_are_one_line(tmp_path: Path) -> None:
    first, second = (make_tokenizer(checkpoint_folder(tmp_path / name)) for name in ("m", "n"))
    other = make_tokenizer(checkpoint_folder(tmp_path / "o"), template="{{ raise_exception('no') }}")
    found = by_name(count_by_all(PROMPTS, [("m", first), ("o", other), ("n", second)]))
    assert set(found) == {"tiktoken o200k_base", "tiktoken cl100k_base", "m, n", "o"}
    counts = found["m, n"].counts
    assert counts is not None
    # [BOS] and two words, [BOS] and four.
    assert (counts.total, counts.mean, counts.max) == (8, 4.0, 5)


def test_what_cannot_count_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "none"))
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})
    monkeypatch.setattr("optimizers.jobs.tiktoken_files.find_spec", lambda name: None)
    empty = checkpoint_folder(tmp_path / "m")
    broken = tmp_path / "gone"
    refusing = make_tokenizer(
        checkpoint_folder(tmp_path / "r", chat_template=False), template="{{ raise_exception('no') }}"
    )
    chat = PromptSet("s", (Prompt("a", (Message("user", "one"),)),))
    found = by_name(count_by_all(chat, [("m", empty), ("gone", broken), ("r", refusing)]))
    assert all(each.counts is None for each in found.values())
    assert "its vocabulary is not on this machine" in found["tiktoken o200k_base"].why
    assert "no tokenizer.json" in found["m"].why
    assert "there is no such folder" in found["gone"].why
    assert found["r"].why == "its chat template refuses the prompt 'a'"
    assert found["r"].to_json() == {"names": ["r"], "counts": None, "why": found["r"].why}


def test_the_models_of_this_machine(store: Store, settings: Settings, tmp_path: Path) -> None:
    folder = checkpoint_folder(tmp_path / "m")
    store.models.add("mine", str(folder))
    store.models.add("hub", "someone/something")
    names = [name for name, _ in local_models(store, settings)]
    assert names == ["starter", "starter-draft", "mine"]
