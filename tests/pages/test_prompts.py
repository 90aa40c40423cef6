"""Prompts: seeing sets, pages, tags and tabs by link, and prompts that would like to be more than text."""

from __future__ import annotations

import json

import pytest

from app.prompts.files import write_jsonl
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import save_prompt_set
from app.studio.prompt_view import export
from optimizers.prompt import Message, Prompt
from store.experiments import PlannedRun
from store.prompt_sets import NewPromptSet
from store.settings import ROOT
from store.store import Store
from tests.pages.conftest import Open, words

HOSTILE = "<script>alert(1)</script> ![x](http://example.invalid/x.png) :red[x] $$x$$"


def save(store: Store, name: str, *texts: str) -> int:
    prompts = tuple(Prompt(f"p{at:05d}", text=text) for at, text in enumerate(texts))
    return save_prompt_set(store, PromptSet(name, prompts), f"{name}.jsonl")[0].id


def test_the_starter_sets_are_listed(open_page: Open) -> None:
    sets = open_page("prompts").dataframe[0].value
    assert {"extraction", "few-shot", "long-chat", "multi-turn", "support-desk", "unique"} <= set(sets["Set"])
    assert (sets["Prompts"] == 128).all()
    assert (sets["Mean length (characters)"] > 0).all()


def test_a_link_opens_a_set_and_a_prompt(open_page: Open) -> None:
    at = open_page("prompts", set="support-desk", prompt="support-desk-003")
    assert at.selectbox(key="set").value == "support-desk"
    assert at.selectbox(key="prompt").value == "support-desk-003"
    assert any("Question:" in block.value for block in at.code)
    assert "all begin with the same" in words(at)
    first = at.dataframe[1].value["First words"]
    assert first[0] != first[1]


def test_a_link_to_a_prompt_far_down_opens_its_page(open_page: Open, store: Store) -> None:
    save(store, "many", *(f"Question {at}" for at in range(250)))
    at = open_page("prompts", set="many", prompt="p00123")
    assert list(at.dataframe[1].value["Prompt"])[::99] == ["p00100", "p00199"]
    assert at.selectbox(key="prompt").value == "p00123"
    assert at.code[0].value == "Question 123"
    at = open_page("prompts", set="many", page="3")
    assert len(at.dataframe[1].value) == 50
    at.selectbox(key="set").select("unique").run()
    assert not at.exception
    assert at.dataframe[1].value["Prompt"][0].startswith("unique")


def test_a_link_beyond_the_last_page_opens_the_first(open_page: Open, store: Store) -> None:
    save(store, "many", *(f"Question {at}" for at in range(150)))
    at = open_page("prompts", set="many", page="99", prompt="nobody")
    assert at.dataframe[1].value["Prompt"][0] == "p00000"


def test_a_link_to_what_is_gone_says_so(open_page: Open, store: Store) -> None:
    save(store, "mine", "One?", "Two?")
    at = open_page("prompts", set="gone", tag="nobody")
    assert "The link's prompt set, gone, is not among these; another is shown." in words(at)
    mine = store.prompt_sets.find("mine")
    assert mine is not None
    store.prompt_sets.retag(mine.id, ["nightly"])
    said = words(open_page("prompts", tag="nobody"))
    assert "The link's tag, nobody, is not among these; all sets are shown." in said
    at = open_page("prompts", set="mine", prompt="p99999")
    assert "The link's prompt, p99999, is not among these; another is shown." in words(at)
    at.selectbox(key="set").select("unique").run()
    assert "The link's" not in words(at)
    assert "The link's" not in words(open_page("prompts", set="mine", prompt="p00001"))


def test_ten_thousand_prompts_are_sent_a_page_at_a_time(open_page: Open, store: Store) -> None:
    save(store, "huge", *(f"Question {at}" for at in range(10_000)))
    at = open_page("prompts", set="huge")
    assert [len(frame.value) for frame in at.dataframe[1:]] == [100]
    assert len(at.selectbox(key="prompt").options) == 100
    at = open_page("prompts", set="huge", show="Edit")
    assert len(at.data_editor[0].value) == 100


def test_hostile_prompts_are_shown_as_text(open_page: Open, store: Store) -> None:
    hostile = PromptSet(
        "hostile", (Prompt("p1", (Message("user", HOSTILE),), expected=HOSTILE),), title=HOSTILE, description=HOSTILE
    )
    save_prompt_set(store, hostile, HOSTILE)
    at = open_page("prompts", set="hostile")
    assert [block.value for block in at.code] == [HOSTILE, HOSTILE]
    assert [text.value for text in at.text] == [HOSTILE, HOSTILE]
    for show in ("Prompts", "Tokens", "Shared beginnings", "Edit", "Rename or delete"):
        at = open_page("prompts", set="hostile", show=show)
        shown = [*at.markdown, *at.caption, *at.warning, *at.error, *at.checkbox]
        assert "](http" not in "".join(str(getattr(each, "label", None) or each.value) for each in shown)


def test_a_plain_text_prompt_and_a_conversation(open_page: Open, store: Store) -> None:
    turns = (Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "Bye"))
    save_prompt_set(store, PromptSet("mixed", (Prompt("a", text="Once upon"), Prompt("b", turns))), "mixed.json")
    at = open_page("prompts", set="mixed", prompt="b")
    assert [block.value for block in at.code] == ["Hello", "Hi", "Bye"]
    assert list(at.dataframe[1].value["Messages"]) == [1, 3]


def test_an_export_has_every_row(store: Store) -> None:
    row = store.prompt_sets.get(save(store, "two", "a\nb", "ü"))
    lines = export(store, row.id, write_jsonl).decode().splitlines()
    assert [json.loads(line).get("prompt") for line in lines] == [None, "a\nb", "ü"]


class TestTags:
    def test_they_filter_the_list_by_link(self, open_page: Open, store: Store) -> None:
        store.prompt_sets.retag(save(store, "mine", "One?"), ["nightly"])
        at = open_page("prompts", tag="nightly")
        assert list(at.dataframe[0].value["Set"]) == ["mine"]
        assert at.selectbox(key="set").options == ["mine"]
        assert len(open_page("prompts", tag="nobody").dataframe[0].value) == 7

    def test_they_are_added_and_removed_at_once(self, open_page: Open, store: Store) -> None:
        set_id = save(store, "mine", "One?")
        at = open_page("prompts", set="mine")
        at.multiselect[0].set_value(["Nightly run"]).run()
        assert not at.exception
        assert store.prompt_sets.get(set_id).tags == ["nightly-run"]
        assert at.multiselect[0].value == ["nightly-run"]
        at.multiselect[0].set_value([]).run()
        assert store.prompt_sets.get(set_id).tags == []

    def test_one_that_is_none_is_refused_in_a_line(self, open_page: Open, store: Store) -> None:
        set_id = save(store, "mine", "One?")
        at = open_page("prompts", set="mine")
        at.multiselect[0].set_value(["!!"]).run()
        assert "no usable tag; use letters and digits" in words(at)
        assert store.prompt_sets.get(set_id).tags == []


class TestRenameAndDelete:
    def test_a_set_gets_another_name_and_is_shown_under_it(self, open_page: Open, store: Store) -> None:
        set_id = save(store, "mine", "One?")
        at = open_page("prompts", set="mine", show="Rename or delete")
        at.text_input(key=f"rename_{set_id}_mine").set_value("Yours truly").run()
        at.button(key="rename_button").click().run()
        assert not at.exception
        assert store.prompt_sets.get(set_id).name == "yours-truly"
        assert at.selectbox(key="set").value == "yours-truly"
        assert "Saved as “yours-truly”." in words(at)

    def test_a_title_and_a_description_are_kept_beside_the_name(self, open_page: Open, store: Store) -> None:
        set_id = save(store, "mine", "One?")
        at = open_page("prompts", set="mine", show="Rename or delete")
        assert at.button(key="rename_button").disabled
        at.text_input(key=f"title_{set_id}_").set_value("Mine, all of it").run()
        at.text_area(key=f"description_{set_id}_").set_value("From <b>tickets</b>").run()
        at.button(key="rename_button").click().run()
        assert not at.exception
        row = store.prompt_sets.get(set_id)
        assert (row.name, row.title, row.description) == ("mine", "Mine, all of it", "From <b>tickets</b>")
        assert [text.value for text in at.text] == ["Mine, all of it", "From <b>tickets</b>"]

    def test_a_taken_name_is_refused(self, open_page: Open, store: Store) -> None:
        set_id = save(store, "mine", "One?")
        at = open_page("prompts", set="mine", show="Rename or delete")
        at.text_input(key=f"rename_{set_id}_mine").set_value("unique").run()
        at.button(key="rename_button").click().run()
        assert "'unique' exists; choose another name" in words(at)
        assert store.prompt_sets.get(set_id).name == "mine"

    def test_deleting_asks_first(self, open_page: Open, store: Store) -> None:
        set_id = save(store, "mine", "One?")
        at = open_page("prompts", set="mine", show="Rename or delete")
        assert at.button(key="delete_button").disabled
        at.checkbox(key=f"sure_{set_id}").check().run()
        at.button(key="delete_button").click().run()
        assert not at.exception
        assert store.prompt_sets.find("mine") is None
        assert "Deleted “mine”." in words(at)
        assert at.selectbox(key="set").value == "extraction"

    def test_what_experiments_rest_on_stays(self, open_page: Open, store: Store) -> None:
        set_id = save(store, "mine", "One?")
        store.experiments.enqueue("run", "t", {"prompt_set_id": set_id}, [PlannedRun(0, 0, "Baseline", [], 1)])
        at = open_page("prompts", set="mine", show="Rename or delete")
        assert "1 experiment rests on it, and needs it to be repeated: it cannot be deleted." in words(at)
        assert not at.checkbox

    def test_built_in_sets_stay(self, open_page: Open) -> None:
        at = open_page("prompts", set="unique", show="Rename or delete")
        assert "This set came with Rung" in words(at)
        assert not at.checkbox


def test_viewers_see_and_export_and_change_nothing(
    open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.prompt_sets.retag(save(store, "mine", "One?"), ["nightly"])
    monkeypatch.setenv("RUNG_READ_ONLY", "1")
    at = open_page("prompts", set="mine", show="Edit")
    assert [tab.label for tab in at.tabs] == ["Prompts", "Tokens", "Shared beginnings"]
    assert "A preview loads models onto this machine" in words(open_page("prompts", set="mine"))
    assert ":gray-badge[nightly]" in words(at)
    assert not [*at.file_uploader, *at.multiselect, *at.data_editor, *at.text_input, *at.checkbox]
    assert [getattr(button, "label", None) for button in at.get("download_button")] == [
        "Export as JSON Lines",
        "Export as CSV",
    ]


def test_a_store_without_sets_says_what_to_do(open_page: Open, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for row in store.prompt_sets.all():
        store.prompt_sets.remove(row.name)
    monkeypatch.setattr("app.studio.session.save_starter_sets", lambda store: None)
    at = open_page("prompts")
    assert "There is no prompt set yet; import a file to have one." in words(at)


def test_a_set_that_another_tab_deleted_gives_way(open_page: Open, store: Store) -> None:
    save(store, "mine", "One?")
    at = open_page("prompts", set="mine")
    store.prompt_sets.remove("mine")
    at.run()
    assert not at.exception
    assert at.selectbox(key="set").value in {row.name for row in store.prompt_sets.all()}


def test_every_tokenizer_is_a_row_and_a_link(open_page: Open, store: Store) -> None:
    save(store, "mine", "One?")
    at = open_page("prompts", set="mine", show="Tokens")
    table = at.table[0].value
    assert list(table.columns) == ["Tokenizer", "Total", "Mean", "p95", "Longest", "Note"]
    by_name = {name.replace("\\", ""): cells for name, *cells in table.itertuples(index=False)}
    assert {"tiktoken o200k_base", "tiktoken cl100k_base", "starter", "starter-draft"} == set(by_name)
    assert by_name["starter"][:4] == ["–"] * 4
    assert "is not whole" in by_name["starter"][4].replace("\\", "")


def test_a_technique_can_be_tried_on_a_prompt(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.settings.STARTER_MODELS", ROOT / "starter" / "models")
    at = open_page("prompts", set="support-desk", prompt="support-desk-003")
    at.selectbox(key="chosen_technique").select("context_selection").run()
    at.button(key="preview_button").click().run(timeout=60)
    assert not at.exception
    labels = [metric.label for metric in at.metric]
    assert labels[0].startswith("Tokens by ")
    assert "~~" in words(at)
    assert "Struck-out words are dropped" in words(at)


def test_sets_of_equal_content_have_each_their_own_page(open_page: Open, store: Store) -> None:
    for name in ("one", "two"):
        store.prompt_sets.add(NewPromptSet(name, name, "", "5" * 64, "x", [{"id": "p", "prompt": "Same"}]))
    for name in ("one", "two"):
        at = open_page("prompts", set=name)
        assert (at.code[0].value, at.text[0].value) == ("Same", name)
