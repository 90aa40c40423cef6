"""Editing on the Prompts page: a table in, a new set out, and nothing lost on the way."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

from app.prompts.prompt_set import PromptSet
from app.prompts.saved import load_prompt_set, save_prompt_set
from optimizers.prompt import Message, Prompt
from store.experiments import PlannedRun
from store.store import Store
from store.tables import PromptSetRow
from tests.pages.conftest import Open, words

TURNS = (Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "Bye"))
PROMPTS = (
    Prompt("a", (Message("system", "Be brief"), Message("user", "One?")), expected="1", max_tokens=4),
    Prompt("b", TURNS),
    Prompt("c", text="Once upon"),
)


def opened(open_page: Open, store: Store, *prompts: Prompt) -> tuple[AppTest, PromptSetRow]:
    row, _ = save_prompt_set(store, PromptSet("mine", prompts or PROMPTS), "mine.jsonl")
    return open_page("prompts", set="mine", show="Edit"), row


def edit(at: AppTest, **change: Any) -> AppTest:
    """`rows` by position and column, `added`, `deleted`: what a person did in the table."""
    state = {"edited_rows": change.get("rows", {}), "added_rows": change.get("added", [])}
    at.session_state[str(at.data_editor[0].key)] = {**state, "deleted_rows": change.get("deleted", [])}
    at.run()
    assert not at.exception
    return at


def prompts_of(store: Store, name: str) -> tuple[Prompt, ...]:
    row = store.prompt_sets.find(name)
    assert row is not None
    return load_prompt_set(store, row.id).prompts


def test_the_table_shows_what_can_be_edited(open_page: Open, store: Store) -> None:
    at, _ = opened(open_page, store)
    table = at.data_editor[0].value
    assert list(table["Prompt"]) == ["a", "b", "c"]
    assert list(table["Text"]) == ["One?", "Bye", "Once upon"]
    assert list(table["Messages"]) == [2, 3, 1]
    assert "saved as a new set (no experiment rests on this one yet)" in words(at)
    assert "Nothing has been changed." in words(at)
    assert "edit_save" not in {button.key for button in at.button}


def test_cells_rows_and_deletions_become_a_new_set(open_page: Open, store: Store) -> None:
    at, row = opened(open_page, store)
    edit(at, rows={0: {"Text": "Two?", "Max tokens": 8}}, added=[{"Text": "New?", "Expected": "yes"}], deleted=[2])
    assert "1 changed, 1 added, 1 deleted" in words(at)
    assert at.text_input(key="edit_name_mine").value == "mine-2"
    at.button(key="edit_save").click().run()
    assert not at.exception
    assert prompts_of(store, "mine-2") == (
        Prompt("a", (Message("system", "Be brief"), Message("user", "Two?")), expected="1", max_tokens=8),
        Prompt("b", TURNS),
        Prompt("row-0003", (Message("user", "New?"),), expected="yes"),
    )
    assert load_prompt_set(store, row.id).prompts == PROMPTS
    assert at.selectbox(key="set").value == "mine-2"
    assert "Saved as “mine-2”." in words(at)


def test_a_row_without_text_is_named_and_not_saved(open_page: Open, store: Store) -> None:
    at, _ = opened(open_page, store)
    edit(at, added=[{"Expected": "yes"}])
    assert "This cannot be saved yet: row 4: the prompt has no text; type one, or delete the row." in words(at)
    assert "edit_save" not in {button.key for button in at.button}
    at.button(key="edit_discard").click().run()
    assert "Nothing has been changed." in words(at)


def test_another_rule_makes_another_set_of_the_same_prompts(open_page: Open, store: Store) -> None:
    at, row = opened(open_page, store, Prompt("a", text="One?", expected="1"))
    rule = at.selectbox(key=f"edit_score_{row.content_hash[:12]}_0")
    assert rule.value == "contains"
    rule.set_value("numeric").run()
    assert "0 changed, 0 added, 0 deleted; answers judged by numeric, no longer by contains" in words(at)
    at.button(key="edit_save").click().run()
    assert not at.exception
    made = store.prompt_sets.find("mine-2")
    assert made is not None
    assert made.score == "numeric"
    assert store.prompt_sets.get(row.id).score == "contains"


def test_the_rule_is_kept_while_another_tab_is_looked_at(open_page: Open, store: Store) -> None:
    at, row = opened(open_page, store, Prompt("a", text="One?", expected="1"))
    at.selectbox(key=f"edit_score_{row.content_hash[:12]}_0").set_value("numeric").run()
    for tab in ("Prompts", "Edit"):
        at.session_state["show"] = tab
        at.run()
    assert at.selectbox(key=f"edit_score_{row.content_hash[:12]}_0").value == "numeric"


def test_an_edited_set_has_the_title_that_was_given_last(open_page: Open, store: Store) -> None:
    at, row = opened(open_page, store)
    store.prompt_sets.rename(row.id, "mine", "Newer", "words")
    edit(at, rows={2: {"Text": "Twice"}})
    at.button(key="edit_save").click().run()
    made = store.prompt_sets.find("mine-2")
    assert made is not None
    assert (made.title, made.description) == ("Newer", "words")


def test_a_rule_that_cannot_judge_the_answers_names_the_row(open_page: Open, store: Store) -> None:
    at, row = opened(open_page, store, Prompt("a", text="One?", expected="1"), Prompt("b", text="Two?", expected="two"))
    at.selectbox(key=f"edit_score_{row.content_hash[:12]}_0").set_value("numeric").run()
    assert "This cannot be saved yet: row 2 (b): the expected answer 'two' holds no number" in words(at)
    at.button(key="edit_discard").click().run()
    assert at.selectbox(key=f"edit_score_{row.content_hash[:12]}_1").value == "contains"
    assert "Nothing has been changed." in words(at)


def test_a_taken_name_is_refused_and_the_edits_stay(open_page: Open, store: Store) -> None:
    at, _ = opened(open_page, store)
    edit(at, rows={2: {"Text": "Twice"}})
    at.text_input(key="edit_name_mine").set_value("unique").run()
    at.button(key="edit_save").click().run()
    assert "'unique' exists with other prompts" in words(at)
    assert "1 changed, 0 added, 0 deleted" in words(at)


def test_a_set_that_nothing_rests_on_can_be_replaced(open_page: Open, store: Store) -> None:
    at, row = opened(open_page, store)
    store.prompt_sets.retag(row.id, ["nightly"])
    edit(at, rows={2: {"Text": "Twice"}})
    at.checkbox(key="edit_in_place").check().run()
    at.button(key="edit_save").click().run()
    assert not at.exception
    assert prompts_of(store, "mine")[2].text == "Twice"
    assert [each.name for each in store.prompt_sets.all() if "nightly" in each.tags] == ["mine"]


def test_what_experiments_rest_on_is_never_offered_for_replacement(open_page: Open, store: Store) -> None:
    at, row = opened(open_page, store)
    store.experiments.enqueue("run", "t", {"prompt_set_id": row.id}, [PlannedRun(0, 0, "Baseline", [], 1)])
    edit(at, rows={2: {"Text": "Twice"}})
    assert "(1 experiment rests on this one)" in words(at)
    assert not at.checkbox
    at = open_page("prompts", set="unique", show="Edit")
    edit(at, rows={0: {"Text": "Mine now"}})
    assert not at.checkbox


def test_pages_are_edited_one_after_the_other(open_page: Open, store: Store) -> None:
    at, _ = opened(open_page, store, *(Prompt(f"p{number:03d}", text=f"Q{number}") for number in range(150)))
    edit(at, rows={0: {"Text": "first"}})
    at.session_state["edit_page"] = 2
    at.run()
    assert at.data_editor[0].value["Prompt"][0] == "p100"
    edit(at, rows={49: {"Text": "last"}})
    at.session_state["edit_page"] = 1
    at.run()
    assert at.data_editor[0].value["Text"][0] == "first"
    assert "2 changed, 0 added, 0 deleted" in words(at)
    at.button(key="edit_save").click().run()
    saved = prompts_of(store, "mine-2")
    assert [saved[at].text for at in (0, 1, 100, 149)] == ["first", "Q1", "Q100", "last"]


def test_a_conversation_is_edited_as_json(open_page: Open, store: Store) -> None:
    at, _ = opened(open_page, store)
    at.selectbox(key="edit_json_id_1").select("b").run()
    area = at.text_area[0]
    text = str(area.value)
    assert '"content": "Hi"' in text
    area.set_value(text.replace('"Hi"', '"Never"')).run()
    at.button(key="edit_json_take").click().run()
    assert not at.exception
    assert "1 changed, 0 added, 0 deleted" in words(at)
    at.button(key="edit_save").click().run()
    assert prompts_of(store, "mine-2")[1].messages[1] == Message("assistant", "Never")


def test_json_that_is_no_prompt_is_one_line(open_page: Open, store: Store) -> None:
    at, _ = opened(open_page, store)
    at.text_area[0].set_value("{").run()
    at.button(key="edit_json_take").click().run()
    assert "this is not JSON: " in words(at)
    assert "Nothing has been changed." in words(at)
