"""`report`: one experiment, one file, and one line for what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.prompts.saved import save_starter_sets
from store.store import Store
from tests.app.commands.conftest import Rung, check
from tests.pages import factory


@pytest.fixture
def experiment(store: Store) -> int:
    save_starter_sets(store)
    return factory.finished(store)


def test_a_report_is_written(rung: Rung, experiment: int, tmp_path: Path) -> None:
    out = tmp_path / "r.MD"
    said = rung("report", experiment, "--out", out, "--texts", "none", "--json")
    assert said.code == 0
    assert said.json["bytes"] == out.stat().st_size
    assert "Prompt by prompt" not in out.read_text()


def test_bad_input_gets_one_line(rung: Rung, experiment: int, tmp_path: Path) -> None:
    check(rung("report", experiment, "--out", tmp_path / "r.doc"), "r.doc", ".html, .pdf, .md, .csv or .json")
    check(rung("report", 99, "--out", tmp_path / "r.md"), "no experiment with the number 99")
    check(rung("report", experiment, "--out", tmp_path / "x" / "r.md"), "cannot be written")
    assert list(tmp_path.glob("*.md")) == []
