"""Sets between files, the built-in ones and the store."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.prompts.saved import (
    STARTER_SETS,
    find_prompts,
    import_file,
    load_prompt_set,
    save_prompt_set,
    save_starter_sets,
)
from optimizers.errors import InputError
from store.store import Store
from tests.building import chat_prompts


def prompt_file(folder: Path, name: str, *texts: str) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    return path


def test_saved_and_loaded_a_set_is_the_same(store: Store) -> None:
    prompt_set = replace(chat_prompts(5, expected="yes"), score="exact")
    row, new = save_prompt_set(store, prompt_set, "here")
    assert new
    assert (row.name, row.size, row.content_hash) == ("tests", 5, prompt_set.content_hash)
    assert load_prompt_set(store, row.id) == prompt_set
    assert load_prompt_set(store, row.id, 2).prompts == prompt_set.prompts[:2]


def test_a_file_is_imported_under_its_name_or_another(store: Store, tmp_path: Path) -> None:
    path = prompt_file(tmp_path, "My Letters.jsonl", "one", "two")
    row, new = import_file(store, path)
    assert (row.name, row.source, new) == ("my-letters", "My Letters.jsonl", True)
    assert import_file(store, path)[1] is False
    assert import_file(store, path, "Other name")[0].name == "other-name"


def test_a_taken_name_is_refused_on_import_and_worked_round_on_use(store: Store, tmp_path: Path) -> None:
    first = import_file(store, prompt_file(tmp_path, "a.jsonl", "one"))[0]
    with pytest.raises(InputError, match="or another rule; give this one another name"):
        import_file(store, tmp_path / "a.jsonl", score="exact")
    other = prompt_file(tmp_path, "a.jsonl", "two")
    with pytest.raises(InputError, match="exists with other prompts"):
        import_file(store, other)
    found = find_prompts(store, str(other))
    assert found.name == f"a-{found.content_hash[:7]}"
    assert found.content_hash != first.content_hash
    assert find_prompts(store, str(other)).id == found.id


def test_a_saved_name_comes_before_a_built_in_one_and_before_a_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prompt_file(tmp_path, "unique", "in a file")
    assert find_prompts(store, "unique").size > 1
    mine = import_file(store, prompt_file(tmp_path, "x.jsonl", "mine"), "few-shot")[0]
    assert find_prompts(store, "few-shot").id == mine.id
    save_starter_sets(store)
    assert find_prompts(store, "few-shot").id == mine.id
    assert {row.name for row in store.prompt_sets.all()} == set(STARTER_SETS)


@pytest.mark.parametrize("name", ["nothing", "/no/such/file.jsonl", "", "~nobody-here/x", "x" * 5000, "a\0b"])
def test_what_is_neither_a_set_nor_a_file_lists_the_sets(store: Store, name: str) -> None:
    save_prompt_set(store, chat_prompts(1), "here")
    with pytest.raises(InputError, match="there is no prompt set or file .* saved sets: .*tests") as caught:
        find_prompts(store, name)
    for starter in STARTER_SETS:
        assert starter in str(caught.value)


def test_built_in_sets_are_whole(store: Store) -> None:
    save_starter_sets(store)
    for name in STARTER_SETS:
        found = load_prompt_set(store, find_prompts(store, name).id)
        assert found.title
        assert all(prompt.is_chat for prompt in found.prompts)
    assert find_prompts(store, "support-desk").size >= 64
