"""Tables for a terminal: what is missing shows as a dash, and nothing needs all figures to be there."""

from __future__ import annotations

from dataclasses import replace

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
    return rows(lines, start, 1)[0]


def rows(lines: list[str], start: str, count: int) -> list[list[str]]:
    """The cells of each table's row, of which there must be so many."""
    found = [line[len(start) :].split() for line in lines if line.startswith(start)]
    assert len(found) == count
    return found


def test_a_ladder_with_a_rung_that_has_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    requests = one_by_one([200.0] * 10)
    summary = summarise([(0, each) for each in requests], Observed({}), Recipe(), {})
    baseline = RungRuns(0, "Baseline", Recipe(), (1,), ("done",), (summary,), rung(requests), "one by one")
    queued = RungRuns(1, "+ Prefix caching", PREFIX, (2,), ("queued",), (None,), rung())
    lines = shown(ladder_table(build_ladder([baseline, queued])), capsys)
    worth, speed = rows(lines, "Baseline", 2)
    assert worth[0] == "1.00"
    assert speed[0] == "100"
    assert speed[-2:] == ["0", "0"]
    worth, speed = rows(lines, "+ Prefix caching", 2)
    assert worth[-1] == "queued"
    assert set(worth[:-1]) == {"–", "0.69"}
    assert set(speed) == {"–"}
    assert not any("Quality is" in line for line in lines)


def answering(number: int, label: str, recipe: Recipe, right: int, latency_ms: float) -> RungRuns:
    """A rung of 60 prompts, of which so many are answered right."""
    expected = dict.fromkeys(range(60), "yes")
    requests = [
        replace(each, text="yes" if each.position < right else "I cannot say") for each in one_by_one([latency_ms] * 60)
    ]
    summary = summarise([(0, each) for each in requests], Observed(None), recipe, expected)
    data = replace(rung(requests), expected=expected)
    return RungRuns(number, label, recipe, (number,), ("done",), (summary,), data, "one by one")


def test_quality_stands_beside_cost_and_the_widest_row_fits(capsys: pytest.CaptureFixture[str]) -> None:
    speculative = Recipe.from_json(["speculative_decoding"])
    ladder = build_ladder(
        [answering(0, "Baseline", Recipe(), 58, 200), answering(1, "+ Speculative decoding", speculative, 30, 2.0)]
    )
    lines = shown(ladder_table(ladder), capsys)
    worth, speed = rows(lines, "+ Speculative decoding", 2)
    assert " ".join(worth).startswith("0.01 0.01-0.01 0.01 – 50.0 37.7-62.3 53.3 better on cost, worse on answers")
    assert speed[-2:] == ["30", "0"]
    assert max(len(line.rstrip()) for line in lines) <= 120
    assert any(line.startswith("Quality is the share of expected answers") for line in lines)


def test_a_long_verdict_takes_two_lines_and_cuts_no_figure(capsys: pytest.CaptureFixture[str]) -> None:
    worse = answering(2, "+ Something that is said in full", PREFIX, 0, 198.0)
    lines = shown(ladder_table(build_ladder([answering(0, "Baseline", Recipe(), 60, 200.0), worse])), capsys)
    assert "…" not in "\n".join(lines)
    assert any(line.startswith(worse.label) for line in lines)
    said = " ".join(" ".join(line.split()) for line in lines)
    assert "worse on" in said
    assert max(len(line) for line in lines) <= 120


def test_a_baseline_that_is_mostly_wrong_is_to_be_read_with_care(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(ladder_table(build_ladder([answering(0, "Baseline", Recipe(), 12, 200)])), capsys)
    assert any("gives only 20.0 % of the expected answers" in line for line in lines[lines.index("Read with care") :])


def test_a_run_without_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(run_table(RunRow(id=3, label="Baseline", status="failed")), capsys)
    assert "Run 3: Baseline" in lines
    assert row(lines, "Throughput (req/s)") == ["–"]
    assert row(lines, "TTFT (ms)") == ["–"] * 4
    assert "0 requests, 0 failed, – refused, – answered with nothing" in lines


def test_a_run_tells_refusals_empty_answers_and_how_sure_its_quality_is(capsys: pytest.CaptureFixture[str]) -> None:
    summary = answering(0, "Baseline", Recipe(), 45, 200).summaries[0]
    lines = shown(run_table(RunRow(id=3, label="Baseline", status="done", summary=dict(summary or {}))), capsys)
    assert "60 requests, 0 failed, 15 refused, 0 answered with nothing" in lines
    assert "Answers: 75.0 % right (95 % interval 62.8 to 84.2 %)" in lines
    assert row(lines, "Expected answers (%)") == ["75.0"]
    assert not any(line.startswith(("Relative cost", "Similarity")) for line in lines)


def test_a_comparison_with_and_without_figures(capsys: pytest.CaptureFixture[str]) -> None:
    before, after = rung(one_by_one([100.0] * 10)), rung([record(at, error="no") for at in range(10)])
    lines = shown(compare_table("1", {"2": compare(before, before), "3": compare(before, after)}), capsys)
    assert any(line.startswith("Run 2 against run 1: no clear change; 1.00x") for line in lines)
    assert "Run 3 against run 1: failed; the candidate answered no request" in lines
    assert "+0.0%" in row(lines, "TTFT")
    assert set(row(lines, "Expected answers")[:4]) == {"–"}


def test_a_comparison_tells_answers_in_points(capsys: pytest.CaptureFixture[str]) -> None:
    before, after = (answering(0, "", Recipe(), right, ms).data for right, ms in ((58, 200), (40, 100)))
    lines = shown(compare_table("1", {"2": compare(before, after)}), capsys)
    assert any(line.startswith("Run 2 against run 1: better on cost, worse on answers; 0.50x") for line in lines)
    cells = " ".join(row(lines, "Expected answers"))
    assert cells.startswith("96.7 66.7 -30.0 points -")
    assert cells.endswith("points worse; 0 prompts won, 18 lost")


def test_text_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    assert "[red]x[/red]" in "\n".join(shown(plain_table(("A",), [("[red]x[/red]",)]), capsys))


class TestKinds:
    """Tables of experiments whose rungs are no steps."""

    PREFIX_ONLY = ("Prefix caching", PREFIX)
    BATCHING_ONLY = ("Continuous batching", Recipe.from_json(["continuous_batching"]))
    BOTH = PREFIX.plus("continuous_batching")

    def test_each_alone_has_no_step_and_no_claim_of_a_ladder(self, capsys: pytest.CaptureFixture[str]) -> None:
        rungs = [
            answering(0, "Baseline", Recipe(), 58, 200),
            answering(1, *self.PREFIX_ONLY, 58, 100),
            answering(2, *self.BATCHING_ONLY, 58, 50),
        ]
        lines = shown(ladder_table(build_ladder(rungs, "baseline")), capsys)
        assert lines[0].split() == ["Rung", "Cost", "95", "%", "Quality", "%", "95", "%", "Same", "%", "Verdict"]
        worth, _, single = rows(lines, "Prefix caching", 3)
        assert worth == ["0.50", "0.50-0.50", "96.7", "88.6-99.1", "100.0", "better"]
        assert single == ["0.50x", "0.50x", "to", "0.50x", "better", "–", "–", "–"]
        assert not any("Whose saving" in line or "each other" in line for line in lines)

    def test_what_is_left_out_stands_beside_everything(self, capsys: pytest.CaptureFixture[str]) -> None:
        rungs = [
            answering(0, "Baseline", Recipe(), 58, 200),
            answering(1, "Everything", self.BOTH, 58, 40),
            answering(2, "Without prefix caching", self.BATCHING_ONLY[1], 58, 100),
            answering(3, "Without continuous batching", PREFIX, 58, 40),
        ]
        lines = shown(ladder_table(build_ladder(rungs, "everything")), capsys)
        everything, without = row_of(lines, "Everything"), row_of(lines, "Without prefix caching")
        assert everything[:3] == ["0.20", "0.20-0.20", "–"]
        assert without[:3] == ["0.50", "0.50-0.50", "2.50"]
        assert without[-1] == "worse"
        assert max(len(line.rstrip()) for line in lines) <= 120

    def test_a_long_combination_takes_two_lines_and_cuts_no_figure(self, capsys: pytest.CaptureFixture[str]) -> None:
        everything = self.BOTH.plus("speculative_decoding")
        rungs = [answering(0, "Baseline", Recipe(), 58, 200), answering(1, everything.title, everything, 58, 2000)]
        lines = shown(ladder_table(build_ladder(rungs, "baseline")), capsys)
        assert "…" not in "\n".join(lines)
        assert row_of(lines, "Prefix caching + Continuous batching")[-6:] == [
            "10.00", "10.00-10.00", "96.7", "88.6-99.1", "100.0", "worse",
        ]  # fmt: skip
        assert max(len(line.rstrip()) for line in lines) <= 120

    def test_a_factorial_tells_pairs_and_shares(self, capsys: pytest.CaptureFixture[str]) -> None:
        rungs = [
            answering(0, "Baseline", Recipe(), 58, 400),
            answering(1, *self.PREFIX_ONLY, 58, 200),
            answering(2, *self.BATCHING_ONLY, 58, 100),
            answering(3, "Prefix caching + Continuous batching", self.BOTH, 58, 100),
        ]
        lines = shown(ladder_table(build_ladder(rungs, "baseline")), capsys)
        text = "\n".join(lines)
        assert row(lines, "Prefix caching and continuous batching")[0] == "2.00x"
        assert "get in each other's way" in text
        assert "Of the saving of everything together (0.25x the baseline), prefix caching has 25 % (25 to 25 %)" in text
        assert max(len(line.rstrip()) for line in lines) <= 120


def row_of(lines: list[str], start: str) -> list[str]:
    """The cells of the first table's row."""
    return next(line[len(start) :].split() for line in lines if line.startswith(start))


def test_evidence_is_told_once_and_again_where_it_was_seen_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    def seen(number: int, recipe: Recipe, effect: bool) -> RungRuns:
        made = answering(number, f"rung {number}", recipe, 58, 200)
        evidence = [{"technique": "prefix_caching", "took_effect": effect, "detail": "9 hits", "figures": {}}]
        return replace(made, summaries=({**(made.summaries[0] or {}), "evidence": evidence},))

    both = PREFIX.plus("continuous_batching")
    rungs = [answering(0, "Baseline", Recipe(), 58, 200), seen(1, PREFIX, True), seen(2, both, False)]
    (line,) = [line for line in shown(ladder_table(build_ladder(rungs)), capsys) if "prefix_caching: " in line]
    assert line.startswith("  prefix_caching: yes; 9 hits; ")
    assert line.endswith("; on rung 2: no")
