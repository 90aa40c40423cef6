"""Importing on the Prompts page: looked at first, saved only when confirmed."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from store.settings import ROOT
from store.store import Store
from tests.pages.conftest import Open, words

MIXED = b'{"prompt": "One?", "expected": "1"}\n{"name": "Ada"}\n{"prompt": "Two?"}\n{"prompt": "cut\n'


def choose(at: AppTest, filename: str, data: bytes) -> AppTest:
    at.file_uploader[0].upload(filename, data).run()
    assert not at.exception
    return at


def confirm(at: AppTest) -> AppTest:
    at.button(key="import_save").click().run()
    assert not at.exception
    return at


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_a_file_is_seen_before_it_is_saved(open_page: Open, store: Store) -> None:
    before = len(store.prompt_sets.all())
    data = b'{"messages": [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "1"}]}\n'
    at = choose(open_page("prompts"), "My questions.jsonl", data)
    assert "Recognised: chat messages (OpenAI)." in words(at)
    assert metrics(at)["Prompts"] == metrics(at)["Expected answers"] == "1"
    assert metrics(at)["Bad rows"] == "0"
    assert [block.value for block in at.code[:2]] == ["One?", "1"]
    assert len(store.prompt_sets.all()) == before
    confirm(at)
    row = store.prompt_sets.find("my-questions")
    assert row is not None
    assert row.source == "My questions.jsonl"
    assert at.selectbox(key="set").value == "my-questions"
    assert "Imported “my-questions”." in words(at)
    assert not at.get("button_group") or "import_save" not in {button.key for button in at.button}


def test_bad_rows_are_listed_and_left_out_on_request(open_page: Open, store: Store) -> None:
    at = choose(open_page("prompts"), "mixed.jsonl", MIXED)
    assert metrics(at)["Bad rows"] == "2"
    table = at.dataframe[0].value
    assert list(table["Row"]) == ["line 2", "line 4"]
    assert table["What is wrong"][0].startswith("the row has no text")
    assert table["It begins"][0] == '{"name": "Ada"}'
    assert "Import the good rows only, or mend the file" in words(at)
    assert at.button(key="import_save").label == "Import the 2 good rows"
    assert store.prompt_sets.find("mixed") is None
    confirm(at)
    row = store.prompt_sets.find("mixed")
    assert row is not None
    assert row.size == 2


def test_a_mended_file_can_be_chosen_again(open_page: Open, store: Store) -> None:
    at = choose(open_page("prompts"), "mixed.jsonl", MIXED)
    at = choose(at, "mixed.jsonl", b'{"prompt": "One?"}\n{"prompt": "Three?"}\n')
    assert metrics(at)["Bad rows"] == "0"
    confirm(at)
    row = store.prompt_sets.find("mixed")
    assert row is not None
    assert [body["prompt"] for body in store.prompt_sets.bodies(row.id)] == ["One?", "Three?"]


@pytest.mark.parametrize("data", [b"", b'[{"prompt": "a"}, ', b"caf\xe9,x\n"])
def test_what_spoils_the_whole_file_is_one_line(open_page: Open, store: Store, data: bytes) -> None:
    before = len(store.prompt_sets.all())
    at = choose(open_page("prompts"), "broken.csv" if b"," in data and b"[" not in data else "broken.json", data)
    assert len(at.error) == 1
    assert "broken." in at.error[0].value.replace("\\", "")
    assert "\n" not in at.error[0].value
    assert len(store.prompt_sets.all()) == before


def test_a_file_without_a_good_row_cannot_be_imported(open_page: Open) -> None:
    at = choose(open_page("prompts"), "people.jsonl", b'{"name": "Ada"}\n{"name": "Grace"}\n')
    assert "No row has a format that is known here." in words(at)
    assert "No row can be imported as it stands" in words(at)
    assert "import_save" not in {button.key for button in at.button}


def test_columns_are_chosen_where_their_names_say_nothing(open_page: Open, store: Store) -> None:
    at = choose(open_page("prompts"), "fragen.csv", b"frage,antwort\nWarum?,Darum\nWie?,So\n")
    assert metrics(at)["Bad rows"] == "2"
    by_label = {box.label: box for box in at.selectbox}
    assert by_label["Column of the prompt"].options == ["(none)", "frage", "antwort"]
    by_label["Column of the prompt"].select("frage")
    by_label["of the expected answer"].select("antwort")
    at.run()
    assert "Recognised: columns as chosen." in words(at)
    confirm(at)
    row = store.prompt_sets.find("fragen")
    assert row is not None
    assert store.prompt_sets.bodies(row.id)[0] == {"id": "row-0001", "prompt": "Warum?", "expected": "Darum"}


def test_a_column_taken_for_the_answer_can_be_left_out(open_page: Open, store: Store) -> None:
    at = choose(open_page("prompts"), "q.csv", b"Question,Answer\nWhy?,So\n")
    assert metrics(at)["Expected answers"] == "1"
    {box.label: box for box in at.selectbox}["of the expected answer"].select("(none)").run()
    assert metrics(at)["Expected answers"] == "0"
    confirm(at)
    row = store.prompt_sets.find("q")
    assert row is not None
    assert store.prompt_sets.bodies(row.id)[0] == {"id": "row-0001", "prompt": "Why?"}


def test_a_taken_name_is_told_before_saving(open_page: Open, store: Store) -> None:
    at = choose(open_page("prompts"), "unique.jsonl", b'{"prompt": "One?"}\n')
    assert "A set named “unique” exists with other prompts; choose another name, such as unique-2." in words(at)
    assert at.button(key="import_save").disabled
    at.text_input(key="import_name_unique.jsonl").set_value("Unique 2").run()
    assert not at.button(key="import_save").disabled
    confirm(at)
    assert store.prompt_sets.find("unique-2") is not None


def test_the_same_prompts_again_are_told_before_saving(open_page: Open, store: Store) -> None:
    at = confirm(choose(open_page("prompts"), "q.jsonl", b'{"prompt": "One?"}\n'))
    at = choose(at, "again.jsonl", b'{"prompt": "One?"}\n')
    assert "These prompts are already there as “q”." in words(at)
    assert at.button(key="import_save").disabled


def test_a_rule_is_chosen_and_checked_row_by_row(open_page: Open, store: Store) -> None:
    at = choose(open_page("prompts"), "sums.jsonl", b'{"prompt": "1 + 1?", "expected": "2"}\n{"prompt": "Why?"}\n')
    at.selectbox(key="import_score").select("json").run()
    assert metrics(at)["Bad rows"] == "0"
    at.selectbox(key="import_score").select("regex").run()
    at = choose(at, "sums.jsonl", b'{"prompt": "1 + 1?", "expected": "("}\n{"prompt": "Why?"}\n')
    assert "no regular expression" in at.dataframe[0].value["What is wrong"][0]
    at.selectbox(key="import_score").select("numeric").run()
    assert "holds no number" in at.dataframe[0].value["What is wrong"][0]
    confirm(at)
    row = store.prompt_sets.find("sums")
    assert row is not None
    assert (row.score, row.size) == ("numeric", 1)


def test_a_name_without_latin_letters_gets_one(open_page: Open) -> None:
    at = choose(open_page("prompts"), "вопросы.jsonl", b'{"prompt": "One?"}\n')
    assert at.text_input(key="import_name_вопросы.jsonl").value == "prompts"


def test_a_trace_says_that_its_texts_are_made_up(open_page: Open) -> None:
    row = b'{"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]}\n'
    assert "the texts are made up to its lengths and shared blocks" in words(
        choose(open_page("prompts"), "trace.jsonl", row)
    )


def test_hostile_files_are_shown_as_text(open_page: Open) -> None:
    data = (
        b'{"id": "![x](http://example.invalid)", "prompt": "<b>![x](http://example.invalid)</b>"}\n{"![x](http:": 1}\n'
    )
    at = choose(open_page("prompts"), "![x](http:.jsonl", data)
    shown = "".join(str(element.value) for element in [*at.markdown, *at.caption, *at.warning, *at.error])
    assert "](http" not in shown


def test_tokens_are_counted_before_saving(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.settings.STARTER_MODELS", ROOT / "starter" / "models")
    at = choose(open_page("prompts"), "q.jsonl", b'{"prompt": "One two three?"}\n')
    count = metrics(at)["Tokens by starter"]
    assert 3 <= int(count) <= 12


def test_what_is_too_long_to_count_at_once_is_estimated(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.studio.prompt_import.COUNTED_CHARACTERS", 5)
    monkeypatch.setattr("store.settings.STARTER_MODELS", ROOT / "starter" / "models")
    at = choose(open_page("prompts"), "q.jsonl", b'{"prompt": "One two three?"}\n' * 1 + b'{"prompt": "Four five?"}\n')
    assert metrics(at)["Tokens by starter"].startswith("about ")
