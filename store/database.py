"""Opens the database: SQLite with deliberate pragmas, or any other SQLAlchemy URL, and one Store of repositories.

Migrations are in migrate.py. The URL is passed in; nothing here is global.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from optimizers.errors import InputError

PRAGMAS = {
    # Readers (the studio) never wait for the writer (the worker).
    "journal_mode": "WAL",
    # In WAL this survives a killed process; only a power cut can lose the last commits.
    "synchronous": "NORMAL",
    "foreign_keys": "ON",
    # The studio and a command line may enqueue while the worker commits a batch.
    "busy_timeout": "10000",
    "cache_size": "-65536",
    "temp_store": "MEMORY",
}


LOCKED_ATTEMPTS, LOCKED_PAUSE_S = 50, 0.1


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def make_engine(url: str) -> Engine:
    """An engine for `url`; raises InputError for a URL that cannot be used. Opens no connection yet."""
    try:
        parsed = make_url(url)
        engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise InputError(f"the database URL {_shown(url)!r} cannot be used: {error}") from None
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and not parsed.database.startswith((":memory:", "file:")):
            _prepare_folder(Path(parsed.database))
        event.listen(engine, "connect", _set_pragmas)
    return engine


@contextmanager
def plain_database_errors(url: str) -> Iterator[None]:
    """Turns what a person can mend (no permission, full disk, no such server) into one line."""
    try:
        yield
    except DatabaseError as error:
        reason = explain_database_error(error)
        if reason is None:
            raise
        raise InputError(f"the database {_shown(url)} {reason}") from None


def explain_database_error(error: DatabaseError) -> str | None:
    """What is wrong with the database, in words, or None when the fault is not the surroundings'."""
    text = str(error.orig).lower()
    if "readonly" in text or "read-only" in text:
        return "is read-only; allow writing to the file and its folder, or choose another with --database"
    if "disk is full" in text or "no space" in text:
        return "has no room left on its disk; free some space and start again (nothing that was saved is lost)"
    if "database is locked" in text:
        return "is locked by another program that does not let go; close what has it open and try again"
    if "unable to open" in text:
        return "cannot be opened; check that its folder exists and may be written to"
    if "not a database" in text or "malformed" in text:
        return "is not a SQLite database; choose another file with --database"
    if isinstance(error, OperationalError) and ("could not connect" in text or "connection refused" in text):
        return "does not answer; check the server and the URL"
    return None


def sessions(engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(engine, expire_on_commit=False)


def _prepare_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the database folder {path.parent} cannot be made: {error.strerror}") from None


def _set_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for name, value in PRAGMAS.items():
        _patiently(cursor, f"PRAGMA {name}={value}")
    cursor.close()


def _patiently(cursor: Any, statement: str) -> None:
    """Two processes that switch a new file to WAL at once lock each other out, and SQLite's own time-out does not
    cover that moment."""
    for _ in range(LOCKED_ATTEMPTS):
        try:
            cursor.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            sleep(LOCKED_PAUSE_S)
    cursor.execute(statement)


def _shown(url: str) -> str:
    """The URL without its password; a SQLite one is shown as its path."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return url
    return parsed.database or "" if parsed.get_backend_name() == "sqlite" else parsed.render_as_string()
