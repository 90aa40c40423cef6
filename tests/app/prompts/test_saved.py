"""Sets between files, the built-in ones and the store."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.prompts.files import read_prompt_file
from app.prompts.saved import (
    STARTER_FOLDER,
    STARTER_SETS,
    find_prompts,
    import_file,
    load_prompt_set,
    save_prompt_set,
    save_starter_sets,
)
from optimizers.errors import InputError
from store.experiments import PlannedRun
from store.prompt_sets import NewPromptSet
from store.store import Store
from store.tables import PromptSetRow
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
    row, new, _ = import_file(store, path)
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
        assert found.content_hash == read_prompt_file(STARTER_FOLDER / f"{name}.jsonl").content_hash
        assert len(found.prompts) == 128


def older_set(store: Store, source: str, content_hash: str = "5" * 64) -> PromptSetRow:
    """What an earlier version of Rung, or a person, saved as "support-desk"."""
    bodies = [prompt.to_json() for prompt in chat_prompts(3).prompts]
    return store.prompt_sets.add(NewPromptSet("support-desk", "Old", "", content_hash, source, bodies))[0]


@pytest.mark.parametrize(
    ("source", "content_hash"),
    [
        ("starter/support-desk.jsonl", "5" * 64),
        # The first versions did not note that a set was built in.
        ("support-desk.jsonl", "84d70e1e81128819010ddf6f6a8503a7e7083322bfc13d2bc93f82950070ea87"),
    ],
)
def test_an_older_built_in_set_gives_its_name_away_and_keeps_its_experiments(
    store: Store, source: str, content_hash: str
) -> None:
    old = older_set(store, source, content_hash)
    experiment = store.experiments.enqueue("run", "t", {"prompt_set_id": old.id}, [PlannedRun(0, 0, "", [], 1)])
    save_starter_sets(store)
    new = find_prompts(store, "support-desk")
    assert (new.size, new.source) == (128, "starter/support-desk.jsonl")
    assert new.id != old.id
    kept = store.prompt_sets.get(old.id)
    assert kept.name == f"support-desk-{content_hash[:7]}"
    assert find_prompts(store, kept.name).id == old.id
    assert load_prompt_set(store, old.id).prompts == chat_prompts(3).prompts
    assert store.experiments.get(experiment).spec["prompt_set_id"] == old.id
    with pytest.raises(InputError, match="belongs to an experiment"):
        store.prompt_sets.remove(kept.name)
    save_starter_sets(store)
    assert len(store.prompt_sets.all()) == len(STARTER_SETS) + 1


def test_a_named_built_in_set_is_the_present_one_without_a_start_of_the_studio(store: Store) -> None:
    old = older_set(store, "starter/support-desk.jsonl")
    assert find_prompts(store, "support-desk").id != old.id


def test_the_name_that_an_older_set_would_get_may_be_taken(store: Store) -> None:
    old = older_set(store, "starter/support-desk.jsonl")
    mine = save_prompt_set(store, replace(chat_prompts(1), name=f"support-desk-{'5' * 7}"), "mine.jsonl")[0]
    save_starter_sets(store)
    assert store.prompt_sets.get(mine.id).name == f"support-desk-{'5' * 7}"
    assert store.prompt_sets.get(old.id).name.startswith(f"support-desk-{'5' * 20}")
    assert find_prompts(store, "support-desk").size == 128


def test_a_persons_own_set_of_a_built_in_name_is_left_alone(store: Store) -> None:
    mine = older_set(store, "support-desk.jsonl")
    save_starter_sets(store)
    assert find_prompts(store, "support-desk").id == mine.id
    assert len(store.prompt_sets.all()) == len(STARTER_SETS)
