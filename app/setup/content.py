"""The steps beside the packages: the starter models, the database, a browser for the tests."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from app.engine.builtin import RESTORE, all_incomplete
from app.setup.command import Shell
from app.setup.failure import SetupFailure
from app.setup.steps import Facts, Step, digest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def state_home(root: Path, env: Mapping[str, str] = os.environ) -> Path:
    """As store.settings has it; that module needs nothing either, but belongs to the store."""
    return Path(env.get("RUNG_HOME") or root / ".rung").expanduser().resolve()


def starter_models(root: Path) -> Step:
    """They come with the clone. What a partial one left out is told here, before an engine fails on it."""
    models = root / "starter" / "models"

    def work(shell: Shell, facts: Facts) -> Facts:
        problem = all_incomplete(models)
        if problem:
            raise SetupFailure(f"The starter models in starter/models are not whole: {problem}.", RESTORE)
        return {}

    return Step("starter-models", "starter models", str(models), lambda facts: all_incomplete(models), work)


def database(root: Path, python: Path, home: Path, env: Mapping[str, str] = os.environ) -> Step:
    url = env.get("RUNG_DATABASE_URL", "")
    file = home / "rung.db"

    def check(facts: Facts) -> str | None:
        """A database elsewhere cannot be looked at from here: it is always brought up to date."""
        if url:
            return None if facts.get("just_done") == os.getpid() else "the database is elsewhere"
        version = schema_version(file)
        return None if version and version == facts.get("schema") else f"{file.name} is not at the newest schema"

    def work(shell: Shell, facts: Facts) -> Facts:
        shell.run([str(python), "-m", "store.migrate"])
        return {"just_done": os.getpid()} if url else {"schema": schema_version(file)}

    return Step("database", "database", digest(str(file), url, root / "store"), check, work)


def schema_version(file: Path) -> str | None:
    if not file.is_file():
        return None
    try:
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            row = connection.execute("select version_num from alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return None
    return str(row[0]) if row else None


def find_browser(env: Mapping[str, str] = os.environ) -> str | None:
    named = env.get("CHROMIUM_PATH")
    if named:
        return named if os.access(named, os.X_OK) else None
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def browser() -> Step:
    def check(facts: Facts) -> str | None:
        return None if find_browser() else "there is no Chromium"

    def work(shell: Shell, facts: Facts) -> Facts:
        if find_browser():
            return {}
        named = os.environ.get("CHROMIUM_PATH")
        if named:
            raise SetupFailure(f"CHROMIUM_PATH names {named}, which is no program.", "Correct or unset it.")
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise SetupFailure(
                "The browser tests need Chromium, and it is not installed.",
                "Install it (on Debian: sudo apt-get install chromium), or name it: CHROMIUM_PATH=/path/to/chromium.",
            )
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"],
        ):
            shell.run(command, extra_env={"DEBIAN_FRONTEND": "noninteractive"})
        return {}

    return Step("browser", "Chromium for the browser tests", "chromium", check, work)
