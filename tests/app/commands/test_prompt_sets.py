"""`prompts`: looking before importing, leaving bad rows out, tags, names, and the way into a spreadsheet."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.store import Store
from tests.app.commands.conftest import Rung, check

MIXED = '{"prompt": "One?", "expected": "1"}\n{"name": "Ada"}\n{"prompt": "Two?"}\n{"prompt": "cut\n'


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    path = tmp_path / "mixed.jsonl"
    path.write_text(MIXED)
    return path


class TestImport:
    def test_a_check_saves_nothing_and_fails_for_bad_rows(self, rung: Rung, store: Store, mixed: Path) -> None:
        said = rung("prompts", "import", mixed, "--check", "--json")
        assert (said.code, said.err) == (1, "")
        document = said.json
        assert (document["schema"], document["file"], document["prompts"]) == ("rung.prompt_check/1", "mixed.jsonl", 2)
        assert document["formats"] == [{"format": "rows with a column “prompt”", "rows": 2}]
        assert [problem["place"] for problem in document["problems"]] == ["line 2", "line 4"]
        assert document["problems"][0]["row"] == '{"name": "Ada"}'
        shown = rung("prompts", "import", mixed, "--check").out
        assert "2 prompts, 2 bad rows: rows with a column “prompt” (2)" in shown
        assert "cut off at column" in shown
        assert store.prompt_sets.all() == []

    def test_a_check_of_a_good_file_passes(self, rung: Rung, prompts: Path) -> None:
        said = rung("prompts", "import", prompts, "--check")
        assert (said.code, said.out.splitlines()[0][:9]) == (0, "4 prompts")

    def test_good_rows_alone_when_asked(self, rung: Rung, store: Store, mixed: Path) -> None:
        check(rung("prompts", "import", mixed), "line 2: the row has no text", "nothing was imported")
        assert store.prompt_sets.all() == []
        said = rung("prompts", "import", mixed, "--good-rows", "--json").json
        assert (said["prompts"], said["left_out"], said["new"]) == (2, 2, True)
        assert "without 2 bad rows" in rung("prompts", "import", mixed, "--good-rows", "--name", "again").out

    def test_columns_by_name(self, rung: Rung, store: Store, tmp_path: Path) -> None:
        path = tmp_path / "fragen.csv"
        path.write_text("frage,antwort\nWarum?,Darum\n")
        check(rung("prompts", "import", path), "line 2: the row has no text")
        rung("prompts", "import", path, "--column", "prompt=frage", "--column", "expected=antwort")
        row = store.prompt_sets.find("fragen")
        assert row is not None
        assert store.prompt_sets.bodies(row.id) == [{"id": "row-0001", "prompt": "Warum?", "expected": "Darum"}]
        check(rung("prompts", "import", path, "--column", "prompt=x", "--name", "y"), "no column 'x'; it has: frage")
        check(rung("prompts", "import", path, "--column", "wish=x"), "write PART=COLUMN, with a part of prompt, exp")


def test_tags_are_set_listed_and_removed(rung: Rung, prompts: Path) -> None:
    rung("prompts", "import", prompts)
    assert rung("prompts", "tag", "questions", "--add", "Long context", "--add", "chat").out == (
        "questions: chat, long-context\n"
    )
    listed = rung("prompts", "list", "--tag", "LONG context", "--json").json["prompt_sets"]
    assert [(each["name"], each["tags"]) for each in listed] == [("questions", ["chat", "long-context"])]
    assert "chat, long-context" in rung("prompts", "list").out
    assert rung("prompts", "tag", "questions", "--remove", "chat", "--json").json["tags"] == ["long-context"]
    check(rung("prompts", "tag", "questions", "--add", "!"), "no usable tag")


def test_renaming(rung: Rung, prompts: Path) -> None:
    rung("prompts", "import", prompts)
    assert rung("prompts", "rename", "questions", "My questions").out == "renamed questions to my-questions\n"
    check(rung("prompts", "rename", "questions", "x"), "no prompt set named 'questions'")
    rung("prompts", "import", prompts)
    check(rung("prompts", "rename", "questions", "my questions"), "'my-questions' exists; choose another name")


def test_csv_by_the_file_s_ending_or_by_request(rung: Rung, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"prompt": "=1+1", "expected": "-2"}\n')
    rung("prompts", "import", path)
    out = tmp_path / "out.csv"
    assert rung("prompts", "export", "bad", "--out", out).code == 0
    header, row = out.read_bytes().decode().split("\r\n")[:2]
    assert header.startswith("id,system,prompt,expected,")
    assert row.startswith("row-0001,,'=1+1,'-2,")
    assert rung("prompts", "export", "bad", "--format", "csv").out.splitlines()[0] == header
    assert rung("prompts", "export", "bad", "--format", "jsonl", "--out", out).code == 0
    assert out.read_text().startswith('{"schema": "rung.prompts/1"')
