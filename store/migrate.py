"""Brings a database to the newest schema: `python -m store.migrate [--database URL]`.

Every command and page opens its store through here, so an old file is upgraded before it is read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from optimizers.errors import InputError
from store.database import make_engine, plain_database_errors
from store.settings import Settings

SCRIPTS = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config


def newest_revision() -> str:
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "there is at least one migration"
    return head


def current_revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def migrate(engine: Engine, to: str = "head") -> None:
    """Applies what is missing, each script in a transaction. Raises InputError for a newer database."""
    current = current_revision(engine)
    if to == "head" and current == newest_revision():
        return
    config = _config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise InputError(
            f"the database was written by a newer Rung (schema {current}); update Rung or choose another file"
        )
    with _transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction for all scripts, which of several starting processes only one has at a time.

    For SQLite both need saying: its driver opens no transaction for DDL, so a script that broke off would leave half
    a schema, and a table that a script rebuilds must not take the rows that point at it along.
    """
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            yield connection
        return
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.commit()
        finally:
            connection.rollback()
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def main() -> int:
    arguments = sys.argv[1:]
    url = arguments[arguments.index("--database") + 1] if "--database" in arguments[:-1] else None
    settings = Settings.load(database=url)
    try:
        with plain_database_errors(settings.database_url):
            migrate(make_engine(settings.database_url))
    except InputError as error:
        print(f"rung: {error}", file=sys.stderr)
        return 2
    print(f"database ready at schema {newest_revision()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
