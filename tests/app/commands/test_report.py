"""`report`: one experiment, one file, and one line for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.analysis.sweep import Slo
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


def test_prompts_as_a_table_are_asked_for(rung: Rung, experiment: int, tmp_path: Path) -> None:
    out = tmp_path / "r.csv"
    assert rung("report", experiment, "--out", out).code == 0
    assert out.read_text().startswith("experiment,rung,label,")
    assert rung("report", experiment, "--out", out, "--per-prompt", "--texts", "redacted").code == 0
    assert out.read_text().startswith("prompt,recipe,question,")
    assert rung("compare", f"{experiment}.0", f"{experiment}.2", "--per-prompt", "--out", out).code == 0
    assert len(out.read_text().splitlines()) > 2 * 12
    check(rung("report", experiment, "--out", out, "--per-prompt", "--texts", "none"), "give --texts full or redacted")
    check(rung("report", experiment, "--out", tmp_path / "r.md", "--per-prompt"), "--per-prompt is for a .csv")


def test_a_sweep_is_reported_by_its_own_limits_others_or_none(rung: Rung, store: Store, tmp_path: Path) -> None:
    save_starter_sets(store)
    number, out = factory.swept(store, slo=Slo({"ttft_ms": 100_000.0})), tmp_path / "r.json"

    def limits(*options: str) -> object:
        assert rung("report", number, "--out", out, *options).code == 0
        return json.loads(out.read_text())["slo"]

    assert limits() == {"limits": {"ttft_ms": 100_000}, "share": 0.95}
    assert limits("--slo", "e2e_ms=9") == {"limits": {"e2e_ms": 9}, "share": 0.95}
    assert limits("--slo", "none") is None


def test_bad_input_gets_one_line(rung: Rung, experiment: int, tmp_path: Path) -> None:
    check(rung("report", experiment, "--out", tmp_path / "r.doc"), "r.doc", ".html, .pdf, .md, .csv or .json")
    check(rung("report", 99, "--out", tmp_path / "r.md"), "no experiment with the number 99")
    check(rung("report", experiment, "--out", tmp_path / "x" / "r.md"), "cannot be written")
    assert list(tmp_path.glob("*.md")) == []
