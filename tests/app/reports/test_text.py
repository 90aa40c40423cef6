"""Tables for a terminal: what is missing shows as a dash, and nothing needs all figures to be there."""

from __future__ import annotations

import pytest
from rich.console import RenderableType

from app.analysis.compare import compare
from app.analysis.ladder import RungRuns, build_ladder
from app.analysis.summary import Observed, summarise
from app.reports.text import compare_table, ladder_table, plain_table, run_table, show
from optimizers.recipe import Recipe
from store.tables import RunRow
from tests.building import one_by_one, record, rung

PREFIX = Recipe.from_json(["prefix_caching"])


def shown(renderable: RenderableType, capsys: pytest.CaptureFixture[str]) -> list[str]:
    show(renderable)
    return capsys.readouterr().out.splitlines()


def row(lines: list[str], start: str) -> list[str]:
    (found,) = [line for line in lines if line.startswith(start)]
    return found[len(start) :].split()


def test_a_ladder_with_a_rung_that_has_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    requests = one_by_one([200.0] * 10)
    summary = summarise([(0, each) for each in requests], Observed({}), Recipe(), {})
    baseline = RungRuns(0, "Baseline", Recipe(), (1,), ("done",), (summary,), rung(requests), "one by one")
    queued = RungRuns(1, "+ Prefix caching", PREFIX, (2,), ("queued",), (None,), rung())
    lines = shown(ladder_table(build_ladder([baseline, queued])), capsys)
    assert "100" in row(lines, "Baseline")
    cells = row(lines, "+ Prefix caching")
    assert cells[-1] == "queued"
    assert set(cells[:-1]) == {"–", "0.69"}
    assert max(len(line) for line in lines) <= 120


def test_a_run_without_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(run_table(RunRow(id=3, label="Baseline", status="failed")), capsys)
    assert "Run 3: Baseline" in lines
    assert row(lines, "Throughput (req/s)") == ["–"]
    assert row(lines, "TTFT (ms)") == ["–"] * 4


def test_a_comparison_with_and_without_figures(capsys: pytest.CaptureFixture[str]) -> None:
    before, after = rung(one_by_one([100.0] * 10)), rung([record(at, error="no") for at in range(10)])
    lines = shown(compare_table(1, {2: compare(before, before), 3: compare(before, after)}), capsys)
    assert any(line.startswith("Run 2 against run 1: no clear change; 1.00x") for line in lines)
    assert "Run 3 against run 1: failed; the candidate answered no request" in lines
    assert "+0.0%" in row(lines, "TTFT")


def test_text_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    assert "[red]x[/red]" in "\n".join(shown(plain_table(("A",), [("[red]x[/red]",)]), capsys))
