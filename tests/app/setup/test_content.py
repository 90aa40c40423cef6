"""The starter model, the database and the browser: when their steps have something to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from app.setup.content import database, find_browser, schema_version, starter_model, state_home

PYTHON = Path("python")


def test_rung_home_moves_the_state(tmp_path: Path) -> None:
    assert state_home(tmp_path, {}) == tmp_path / ".rung"
    assert state_home(tmp_path, {"RUNG_HOME": str(tmp_path / "else")}) == tmp_path / "else"


def test_a_model_is_whole_when_its_files_have_their_sizes(tmp_path: Path) -> None:
    step = starter_model(tmp_path, PYTHON, tmp_path)
    assert step.check({}) is not None
    folder = tmp_path / "models" / "starter"
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text("content")
    assert step.check({"sizes": {"model.safetensors": 7}}) is None
    assert step.check({"sizes": {"model.safetensors": 8}}) == "model.safetensors has changed"
    (folder / "config.json").write_text("")
    assert step.check({}) == "config.json is missing or empty"


def test_a_change_in_the_recipe_makes_the_model_again(tmp_path: Path) -> None:
    (tmp_path / "starter").mkdir()
    before = starter_model(tmp_path, PYTHON, tmp_path).digest
    (tmp_path / "starter" / "train.py").write_text("steps = 2\n")
    assert starter_model(tmp_path, PYTHON, tmp_path).digest != before


def test_the_database_counts_by_its_schema(tmp_path: Path) -> None:
    step = database(tmp_path, PYTHON, tmp_path, {})
    assert step.check({"schema": "0001"}) == "rung.db is not at the newest schema"
    connection = sqlite3.connect(tmp_path / "rung.db")
    connection.execute("create table alembic_version (version_num text)")
    connection.execute("insert into alembic_version values ('0001')")
    connection.commit()
    connection.close()
    assert step.check({"schema": "0001"}) is None
    assert step.check({"schema": "0002"}) is not None


def test_a_file_that_is_no_database_has_no_schema(tmp_path: Path) -> None:
    (tmp_path / "rung.db").write_text("not a database, but long enough to be looked at as one" * 20)
    assert schema_version(tmp_path / "rung.db") is None


def test_a_database_elsewhere_is_brought_up_to_date_at_every_start(tmp_path: Path) -> None:
    step = database(tmp_path, PYTHON, tmp_path, {"RUNG_DATABASE_URL": "postgresql://team/rung"})
    assert step.check({}) == "the database is elsewhere"


def test_the_browser_is_the_named_one_or_one_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "chromium"
    program.write_text("")
    program.chmod(0o755)
    assert find_browser({"CHROMIUM_PATH": str(program)}) == str(program)
    assert find_browser({"CHROMIUM_PATH": str(tmp_path / "none")}) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_browser({}) == str(program)
