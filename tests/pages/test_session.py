"""A database that cannot be used is told in one line, on every page and at every click."""

from __future__ import annotations

import tomllib

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from streamlit.testing.v1 import AppTest

from app.studio.session import reason
from optimizers.errors import InputError
from store.experiments import Experiments
from store.store import Store
from tests.fakes.launch import ROOT
from tests.pages import factory
from tests.pages.conftest import Open, words


@pytest.mark.parametrize("name", ["home", "ladder", "prompts", "models"])
def test_a_database_of_a_newer_rung_ends_the_page_with_one_line(store: Store, open_page: Open, name: str) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=60).run()
    if name != "home":
        at.switch_page(f"../pages/{name}.py").run()
    assert not at.exception
    assert len(at.error) == 1
    assert "written by a newer Rung" in words(at)
    assert not at.button


def test_viewers_learn_no_address_of_a_database(store: Store, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    monkeypatch.setenv("RUNG_READ_ONLY", "1")
    at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=60).run()
    (line,) = at.error
    assert line.value == "Ask whoever runs this studio\\."


def test_a_click_on_a_full_disk_says_so(store: Store, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = factory.running(store)
    at = open_page("home")

    def full(self: Experiments, experiment_id: int) -> None:
        raise OperationalError("update", {}, Exception("database or disk is full"))

    monkeypatch.setattr(Experiments, "request_cancel", full)
    at.button(key=f"cancel_{experiment}").click().run()
    assert not at.exception
    assert "the database has no room left on its disk" in words(at)


def test_a_fault_of_rung_itself_is_not_dressed_up() -> None:
    assert reason(InputError("say this")) == "say this"
    with pytest.raises(OperationalError):
        reason(OperationalError("select", {}, Exception("no such table: runs")))


def test_a_bare_value_in_a_page_is_no_text_of_it() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["runner"]["magicEnabled"] is False
