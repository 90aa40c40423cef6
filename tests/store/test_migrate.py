"""Migrations: from nothing, up from every released schema with data inside, and refusals."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Boolean, Column, Engine, Float, Integer, MetaData, Table, Text, func, insert, select, text

from optimizers.errors import InputError
from store import migrate as migrate_module
from store.database import make_engine, sqlite_url
from store.migrate import current_revision, migrate, newest_revision
from store.store import Store
from store.tables import Base


def revisions() -> list[str]:
    """Oldest first."""
    scripts = ScriptDirectory.from_config(migrate_module._config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


def engine_at(path: Path, revision: str) -> Engine:
    engine = make_engine(sqlite_url(path))
    migrate(engine, to=revision)
    return engine


def example(column: Column[Any]) -> Any:
    """A value that any released schema takes: rows point at row 1 of whatever they refer to."""
    if column.foreign_keys or column.primary_key:
        return 1
    examples = {Integer: 7, Float: 1.5, Boolean: True, JSON: {"kept": [1, 2]}}
    return next((value for kind, value in examples.items() if isinstance(column.type, kind)), "kept")


def fill(engine: Engine) -> dict[str, dict[str, Any]]:
    """One row in every table; what was written."""
    found = MetaData()
    found.reflect(engine)
    tables = [table for table in found.sorted_tables if table.name != "alembic_version"]
    written = {table.name: {column.name: example(column) for column in table.columns} for table in tables}
    with engine.begin() as connection:
        for table in tables:
            connection.execute(insert(table), written[table.name])
    return written


def rows(engine: Engine, table: Table) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def test_an_empty_file_gets_the_schema_that_the_code_expects(tmp_path: Path) -> None:
    store = Store.open(sqlite_url(tmp_path / "new.db"))
    assert current_revision(store.engine) == newest_revision()
    with store.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    store.close()
    assert differences == []


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "new.db")
    Store.open(url).close()
    before = (tmp_path / "new.db").read_bytes()
    Store.open(url).close()
    assert (tmp_path / "new.db").read_bytes() == before


@pytest.mark.parametrize("revision", revisions())
def test_data_written_under_any_released_schema_survives(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "old.db"
    old = engine_at(path, revision)
    written = fill(old)
    old.dispose()

    store = Store.open(sqlite_url(path))
    for table in Base.metadata.sorted_tables:
        if table.name not in written:
            continue
        (row,) = rows(store.engine, table)
        kept = {name: value for name, value in written[table.name].items() if name in row}
        assert {name: row[name] for name in kept} == kept, table.name
    with store.engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    store.close()


def test_sets_from_before_there_were_rules_are_judged_as_they_were(tmp_path: Path) -> None:
    old = engine_at(tmp_path / "old.db", "0001")
    fill(old)
    old.dispose()
    store = Store.open(sqlite_url(tmp_path / "old.db"))
    (kept,) = store.prompt_sets.all()
    assert (kept.name, kept.score) == ("kept", "contains")
    store.close()


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    Store.open(sqlite_url(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(InputError, match="written by a newer Rung \\(schema 9999\\); update Rung"):
        Store.open(sqlite_url(path))
    engine = make_engine(sqlite_url(path))
    assert current_revision(engine) == "9999"
    engine.dispose()


def test_a_migration_that_breaks_off_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = sqlite_url(tmp_path / "half.db")
    create_table, made = op.create_table, []

    def breaks_off(name: str, *columns: Any, **options: Any) -> Any:
        made.append(name)
        if len(made) == 4:
            raise RuntimeError("the power went out")
        return create_table(name, *columns, **options)

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_table", breaks_off)
        with pytest.raises(RuntimeError, match="power"):
            Store.open(url)
    store = Store.open(url)
    assert store.experiments.recent() == []
    store.close()


def test_a_script_that_rebuilds_a_table_keeps_the_rows_that_point_at_it(tmp_path: Path) -> None:
    store = Store.open(sqlite_url(tmp_path / "full.db"))
    written = fill(store.engine)
    with migrate_module._transaction(store.engine) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("experiments", recreate="always") as batch:
            batch.add_column(Column("note", Text()))
    for name in ("experiments", "runs", "requests", "segments"):
        assert len(rows(store.engine, Base.metadata.tables[name])) == len([written[name]]), name
    with store.engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    store.close()


def test_two_first_starts_at_once_do_not_trip_over_each_other(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "shared.db")
    together = Barrier(2)

    def start() -> int:
        together.wait()
        store = Store.open(url)
        with store.engine.connect() as connection:
            found = connection.scalar(select(func.count()).select_from(Base.metadata.tables["experiments"]))
        store.close()
        return int(found or 0)

    with ThreadPoolExecutor(2) as pool:
        assert [future.result() for future in [pool.submit(start), pool.submit(start)]] == [0, 0]


def test_the_command_says_where_it_got_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["migrate", "--database", str(tmp_path / "new.db")])
    assert migrate_module.main() == 0
    assert newest_revision() in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["migrate", "--database", str(tmp_path)])
    assert migrate_module.main() == 2
    assert capsys.readouterr().err.count("\n") == 1
