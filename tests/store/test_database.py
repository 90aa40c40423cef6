"""Opening a database: the pragmas it runs with, and one clear line for every one that cannot be used."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from optimizers.errors import InputError
from store.database import PRAGMAS, explain_database_error, make_engine, plain_database_errors, sqlite_url
from store.settings import ROOT, Settings
from store.store import Store


def test_every_connection_has_the_pragmas(store: Store) -> None:
    expected = {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 10000, "temp_store": 2}
    assert set(expected) | {"cache_size"} == set(PRAGMAS)
    # Two at once, so that the second is no reused connection.
    with store.engine.connect() as first, store.engine.connect() as second:
        for connection in (first, second):
            for name, value in expected.items():
                assert connection.execute(text(f"PRAGMA {name}")).scalar() == value, name


def test_the_folder_is_made(tmp_path: Path) -> None:
    Store.open(sqlite_url(tmp_path / "not" / "there" / "yet.db")).close()
    assert (tmp_path / "not" / "there" / "yet.db").is_file()


def refusal(url: str) -> str:
    with pytest.raises(InputError) as caught:
        Store.open(url)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("shopping list\n" * 100)
    message = refusal(sqlite_url(tmp_path / "notes.txt"))
    assert f"{tmp_path / 'notes.txt'} is not a SQLite database; choose another file with --database" in message


def test_a_database_cut_in_half(tmp_path: Path, empty_database: Path) -> None:
    whole = empty_database.read_bytes()
    (tmp_path / "half.db").write_bytes(whole[: len(whole) // 2])
    assert "is not a SQLite database" in refusal(sqlite_url(tmp_path / "half.db"))


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    assert "cannot be opened; check that its folder exists" in refusal(sqlite_url(tmp_path))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "the database folder" in refusal(sqlite_url(tmp_path / "file" / "deeper" / "rung.db"))


@pytest.mark.parametrize(
    "url", ["nonsense://host/db", "http://host", "sqlite+nothing:///x", "postgresql://host:port/db", "://"]
)
def test_a_url_that_cannot_be_used(url: str) -> None:
    assert "the database URL" in refusal(url)


def test_a_password_is_never_shown() -> None:
    assert "secret" not in refusal("nonsense://me:secret@host/db")


def test_a_read_only_database_can_be_looked_at_and_says_so_when_written(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shared.db"
    path.write_bytes(empty_database.read_bytes())
    monkeypatch.chdir(tmp_path)
    store = Store.open(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert store.experiments.recent() == []
    with pytest.raises(InputError, match="is read-only; allow writing"), plain_database_errors(store.url):
        store.models.add("name", "/somewhere")
    store.close()
    assert not Path("file:").exists()


def test_an_old_read_only_database_cannot_be_migrated(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    connection.close()
    assert "is read-only" in refusal(f"sqlite:///file:{path}?mode=ro&uri=true")


def test_a_full_disk_is_told_and_what_was_saved_stays(store: Store) -> None:
    store.models.add("before", "/there")
    with store.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.execute(text(f"PRAGMA max_page_count={pages}"))
    with (
        pytest.raises(InputError, match="has no room left on its disk; free some space"),
        plain_database_errors(store.url),
    ):
        store.models.add("after", "/" + "x" * 1_000_000)
    assert [model.name for model in store.models.all()] == ["before"]


def test_faults_that_are_nobodys_surroundings_are_not_explained_away(store: Store) -> None:
    with pytest.raises(OperationalError) as caught, store.engine.connect() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))
    assert explain_database_error(caught.value) is None
    with pytest.raises(OperationalError), plain_database_errors(store.url):
        raise caught.value


def test_foreign_keys_hold(store: Store) -> None:
    with pytest.raises(OperationalError.__mro__[1], match="FOREIGN KEY"), store.engine.begin() as connection:
        connection.execute(text("INSERT INTO prompts (prompt_set_id, position, body) VALUES (99, 0, '{}')"))


def test_an_engine_opens_no_connection_by_itself(tmp_path: Path) -> None:
    make_engine(sqlite_url(tmp_path / "later.db"))
    assert not (tmp_path / "later.db").exists()


class TestSettings:
    """Where the state folder and the database are."""

    def test_by_default_in_the_state_folder(self, settings: Settings) -> None:
        assert settings.database_url == f"sqlite:///{settings.home / 'rung.db'}"
        assert settings.logs.parent == settings.home

    def test_the_starter_models_stay_with_the_repository(self) -> None:
        settings = Settings.load()
        assert settings.starter_model == ROOT / "starter" / "models" / "target"

    def test_the_environment_names_a_url(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RUNG_DATABASE_URL", "postgresql://host/db")
        assert Settings.load().database_url == "postgresql://host/db"

    def test_an_option_wins_and_a_path_becomes_a_url(
        self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RUNG_DATABASE_URL", "postgresql://host/db")
        monkeypatch.chdir(tmp_path)
        assert Settings.load("my.db").database_url == f"sqlite:///{tmp_path / 'my.db'}"
