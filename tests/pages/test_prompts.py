"""Prompts: seeing sets, importing files good and bad, and prompts that would like to be more than text."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from app.prompts.prompt_set import PromptSet
from app.prompts.saved import save_prompt_set
from optimizers.prompt import Message, Prompt
from store.settings import ROOT
from store.store import Store
from tests.pages.conftest import Open, words

HOSTILE = "<script>alert(1)</script> ![x](http://example.invalid/x.png) :red[x] $$x$$"


def upload(at: AppTest, filename: str, data: bytes, name: str = "") -> AppTest:
    at.file_uploader(key="import_file").upload(filename, data)
    at.text_input(key="import_name").set_value(name)
    return at.form_submit_button[0].click().run()


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


def test_an_imported_file_is_shown_at_once(open_page: Open, store: Store) -> None:
    at = upload(
        open_page("prompts"), "My questions.jsonl", b'{"prompt": "One?", "expected": "1"}\n{"prompt": "Two?"}\n'
    )
    assert not at.exception
    assert "Imported 2 prompts as “my-questions”." in words(at)
    assert at.selectbox(key="set").value == "my-questions"
    assert at.code[0].value == "One?"
    row = store.prompt_sets.find("my-questions")
    assert row is not None
    assert row.source == "My questions.jsonl"


def test_a_rule_can_be_chosen_for_a_file_and_is_shown(open_page: Open, store: Store) -> None:
    at = open_page("prompts")
    at.selectbox(key="import_score").select("numeric")
    upload(at, "sums.jsonl", b'{"prompt": "1 + 1?", "expected": "2"}\n{"prompt": "Why?"}\n')
    row = store.prompt_sets.find("sums")
    assert row is not None
    assert row.score == "numeric"
    assert "1 with an expected answer, scored by numeric: right when the last number in the answer equals" in words(at)
    sets = at.dataframe[0].value
    assert dict(zip(sets["Set"], sets["Score"], strict=True)) == {
        "sums": "numeric", "few-shot": "json", "extraction": "exact", "multi-turn": "contains",
        "support-desk": "contains", "unique": "contains", "long-chat": "contains",
    }  # fmt: skip


def test_a_rule_that_the_file_cannot_serve_is_refused(open_page: Open, store: Store) -> None:
    at = open_page("prompts")
    at.selectbox(key="import_score").select("json")
    upload(at, "words.jsonl", b'{"prompt": "Say yes", "expected": "yes"}\n')
    assert "words.jsonl, line 1: the expected answer 'yes' is not JSON" in words(at)
    assert store.prompt_sets.find("words") is None


def test_the_same_file_twice_changes_nothing(open_page: Open, store: Store) -> None:
    at = open_page("prompts")
    upload(at, "q.jsonl", b'{"prompt": "One?"}\n')
    before = len(store.prompt_sets.all())
    assert "already there" in words(upload(at, "q.jsonl", b'{"prompt": "One?"}\n'))
    assert len(store.prompt_sets.all()) == before


def test_a_broken_file_is_one_line_and_leaves_nothing(open_page: Open, store: Store) -> None:
    before = [row.name for row in store.prompt_sets.all()]
    for data in (b"", b'{"prompt": "fine"}\n{"prompt": "cut', b'{"prompt": "caf\xe9"}\n', b'{"nothing": 1}\n'):
        at = upload(open_page("prompts"), "broken.jsonl", data)
        assert not at.exception
        assert len(at.error) == 1
        assert "broken.jsonl" in at.error[0].value.replace("\\", "")
        assert "\n" not in at.error[0].value
    assert [row.name for row in store.prompt_sets.all()] == before


def test_a_taken_name_is_refused(open_page: Open) -> None:
    at = upload(open_page("prompts"), "x.jsonl", b'{"prompt": "One?"}\n', name="unique")
    assert "exists with other prompts" in words(at)


def test_import_without_a_file_says_so(open_page: Open) -> None:
    at = open_page("prompts")
    at.form_submit_button[0].click().run()
    assert "No file was chosen" in words(at)


def test_hostile_prompts_are_shown_as_text(open_page: Open, store: Store) -> None:
    hostile = PromptSet(
        "hostile", (Prompt("p1", (Message("user", HOSTILE),), expected=HOSTILE),), title=HOSTILE, description=HOSTILE
    )
    save_prompt_set(store, hostile, HOSTILE)
    at = open_page("prompts", set="hostile")
    assert [block.value for block in at.code] == [HOSTILE, HOSTILE]
    assert [text.value for text in at.text] == [HOSTILE, HOSTILE]
    assert "](http" not in "".join(str(element.value) for element in [*at.markdown, *at.caption])


def test_a_plain_text_prompt_and_a_conversation(open_page: Open, store: Store) -> None:
    turns = (Message("user", "Hello"), Message("assistant", "Hi"), Message("user", "Bye"))
    save_prompt_set(store, PromptSet("mixed", (Prompt("a", text="Once upon"), Prompt("b", turns))), "mixed.json")
    at = open_page("prompts", set="mixed", prompt="b")
    assert [block.value for block in at.code] == ["Hello", "Hi", "Bye"]
    assert list(at.dataframe[1].value["Messages"]) == [1, 3]


def test_every_row_of_a_set_survives_export_and_import(store: Store) -> None:
    from app.studio.prompt_view import export_jsonl, import_upload

    rows = [{"id": "1", "prompt": "a\nb"}, {"id": "2", "messages": [{"role": "user", "content": "ü"}], "expected": "x"}]
    first = import_upload(store, "\n".join(json.dumps(row) for row in rows).encode(), "a.jsonl", "first")
    row = store.prompt_sets.find(first.name)
    assert row is not None
    again = import_upload(store, export_jsonl(store, row.id).encode(), "b.jsonl", "second")
    copy = store.prompt_sets.find(again.name)
    assert copy is not None
    assert copy.content_hash == row.content_hash


def test_a_technique_can_be_tried_on_a_prompt(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.settings.STARTER_MODELS", ROOT / "starter" / "models")
    at = open_page("prompts", set="support-desk", prompt="support-desk-003")
    at.selectbox(key="preview_key").select("context_selection").run()
    at.button(key="preview_button").click().run(timeout=60)
    assert not at.exception
    labels = [metric.label for metric in at.metric]
    assert labels[0].startswith("Tokens by ")
    assert "~~" in words(at)
    assert "Struck-out words are dropped" in words(at)
