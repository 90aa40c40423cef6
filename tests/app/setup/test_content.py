"""The starter models, the database and the browser: when their steps have something to do."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import pytest

from app.engine.builtin import FOLDERS
from app.setup.command import Shell
from app.setup.console import Console
from app.setup.content import database, find_browser, schema_version, starter_models, state_home
from app.setup.failure import SetupFailure
from tests.building import checkpoint_folder

PYTHON = Path("python")


def test_rung_home_moves_the_state(tmp_path: Path) -> None:
    assert state_home(tmp_path, {}) == tmp_path / ".rung"
    assert state_home(tmp_path, {"RUNG_HOME": str(tmp_path / "else")}) == tmp_path / "else"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A clone's models, whole."""
    for folder in FOLDERS:
        checkpoint_folder(tmp_path / "starter" / "models" / folder)
    return tmp_path / "starter" / "models"


def test_whole_models_leave_nothing_to_do(models: Path, tmp_path: Path) -> None:
    step = starter_models(tmp_path)
    assert step.check({}) is None
    assert step.work(Shell(tmp_path, tmp_path / "log", Console(io.StringIO())), {}) == {}


def test_a_partial_clone_is_told_what_it_lacks_and_what_to_do(models: Path, tmp_path: Path) -> None:
    (models / "target" / "model.safetensors").unlink()
    (models / "draft" / "config.json").write_text("")
    (models / "draft" / "tokenizer.json").unlink()
    with pytest.raises(SetupFailure) as caught:
        starter_models(tmp_path).work(Shell(tmp_path, tmp_path / "log", Console(io.StringIO())), {})
    assert caught.value.why == (
        "The starter models in starter/models are not whole: target lacks model.safetensors; "
        "draft lacks config.json, tokenizer.json."
    )
    assert caught.value.remedy == "git checkout -- starter/models"


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
