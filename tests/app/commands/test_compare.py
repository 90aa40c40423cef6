"""`compare`: verdicts, gates for continuous integration, and what cannot be compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.experiment.measure import save_records
from app.prompts.saved import save_prompt_set, save_starter_sets
from store.experiments import PlannedRun
from store.store import Store
from tests.app.commands.conftest import Rung, check
from tests.building import chat_prompts, one_by_one
from tests.pages import factory

PREFIX: list[dict[str, Any]] = [{"technique": "prefix_caching", "settings": {}}]


@pytest.fixture
def runs(store: Store) -> list[int]:
    """A baseline, one a fifth faster, one a fifth slower, one of other prompts, one not finished."""
    planned = [PlannedRun(rung, 0, f"rung {rung}", PREFIX if rung else [], 20) for rung in range(5)]
    experiment = store.experiments.enqueue("ladder", "t", {}, planned)
    numbers = [run.id for run in store.runs.of_experiment(experiment)]
    for number, factor in zip(numbers, (1.0, 0.8, 1.2, 1.0), strict=False):
        prompt_set = "other" if number == numbers[3] else "same"
        store.runs.start(number, {"prompt_set": {"content_hash": prompt_set}, "hardware": {"title": "box"}})
        save_records(store, number, 0, one_by_one([factor * (100 + at) for at in range(20)]))
        store.runs.finish(number, "done")
    return numbers


def test_prompt_by_prompt(rung: Rung, runs: list[int]) -> None:
    said = rung("compare", *runs[:2], "--per-prompt", "--json")
    prompts = said.json["candidates"][0]["prompts"]
    assert len(prompts) == 20
    assert all(each["after_ms"] < each["before_ms"] and each["same"] for each in prompts)
    told = rung("compare", *runs[:2], "--per-prompt").out
    assert f"Run {runs[1]}, prompt by prompt" in told
    assert told.count("0.80x") >= 20


def test_json(rung: Rung, runs: list[int]) -> None:
    said = rung("compare", *runs[:3], "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json["schema"] == "rung.compare/1"
    assert said.json["baseline"] == runs[0]
    assert [(each["run"], each["verdict"]) for each in said.json["candidates"]] == [
        (runs[1], "better"),
        (runs[2], "worse"),
    ]
    cost = said.json["candidates"][0]["metrics"]["relative_cost"]
    assert cost["delta"] == pytest.approx(-0.2)
    assert cost["interval"][0] <= cost["delta"] <= cost["interval"][1]
    assert cost["verdict"] == "better"
    assert rung("compare", *runs[:3], "--format", "json").out == said.out


def test_a_table(rung: Rung, runs: list[int]) -> None:
    said = rung("compare", runs[0], runs[1])
    assert said.code == 0
    assert f"Run {runs[1]} against run {runs[0]}: better; 0.80x the baseline's cost" in said.out
    assert "-20.0%" in said.out
    assert "TTFT" in said.out


def test_another_baseline(rung: Rung, runs: list[int]) -> None:
    said = rung("compare", runs[0], runs[1], "--baseline", runs[1], "--json")
    assert said.json["baseline"] == runs[1]
    assert [(each["run"], each["verdict"]) for each in said.json["candidates"]] == [(runs[0], "worse")]


@pytest.mark.parametrize(
    ("gate", "candidate", "code"),
    [
        ("cost>+5%", 1, 0),
        ("cost>+5%", 2, 1),
        ("cost > 5 %", 2, 1),
        ("cost>+30%", 2, 0),
        ("ttft_ms>+10.5%", 2, 1),
        ("tpot<-10%", 1, 1),
        ("tpot<-10%", 2, 0),
        ("tokens>0%", 2, 0),
    ],
)
def test_a_gate_breaks_when_the_whole_interval_is_beyond_it(
    rung: Rung, runs: list[int], gate: str, candidate: int, code: int
) -> None:
    said = rung("compare", runs[0], runs[candidate], "--fail-if", gate, "--json")
    assert said.code == code
    assert said.json["candidates"]
    assert ("rung: gate failed: run" in said.err) == bool(code)


def test_every_gate_is_checked_for_every_candidate(rung: Rung, runs: list[int]) -> None:
    said = rung("compare", *runs[:3], "--fail-if", "cost>+5%", "--fail-if", "e2e>+5%")
    assert said.code == 1
    assert said.err.count("gate failed") == 2
    assert f"run {runs[2]}: relative_cost changed by +" in said.err


def test_what_cannot_be_compared_breaks_every_gate(rung: Rung, runs: list[int]) -> None:
    said = rung("compare", runs[0], runs[3], "--fail-if", "cost>+500%")
    assert said.code == 1
    assert f"run {runs[3]} is not comparable: the prompt sets differ" in said.err
    assert "not comparable" in said.out


def test_a_change_that_may_be_chance_breaks_no_gate(rung: Rung, store: Store, runs: list[int]) -> None:
    experiment = store.experiments.enqueue("run", "t", {}, [PlannedRun(0, 0, "noisy", [], 20)])
    (noisy,) = store.runs.of_experiment(experiment)
    store.runs.start(noisy.id, {"prompt_set": {"content_hash": "same"}, "hardware": {"title": "box"}})
    save_records(store, noisy.id, 0, one_by_one([60.0 if at % 2 else 190.0 for at in range(20)]))
    store.runs.finish(noisy.id, "done")
    said = rung("compare", runs[0], noisy.id, "--fail-if", "cost>+5%", "--json")
    cost = said.json["candidates"][0]["metrics"]["relative_cost"]
    assert cost["delta"] > 0.05
    assert cost["interval"][0] < 0.05 < cost["interval"][1]
    assert said.code == 0
    assert f"rung: gate undecided: run {noisy.id}: relative_cost changed by -" in said.err
    assert "gate failed" not in said.err
    strict = rung("compare", runs[0], noisy.id, "--fail-if", "cost>+5%", "--strict")
    assert (strict.code, strict.err) == (1, said.err)
    assert rung("compare", runs[0], runs[1], "--fail-if", "cost>+5%", "--strict").code == 0


def test_what_differs_in_the_environment_is_told(rung: Rung, runs: list[int]) -> None:
    same, other = rung("compare", runs[0], runs[1], runs[3], "--json").json["candidates"]
    assert same["environment"] == []
    assert other["environment"] == [{"fact": "prompt_set.content_hash", "baseline": "same", "candidate": "other"}]
    assert "prompt_set.content_hash: same against other" in rung("compare", runs[0], runs[3]).out


def test_small_samples_and_the_correction_are_told(rung: Rung, runs: list[int]) -> None:
    (found,) = rung("compare", *runs[:2], "--json").json["candidates"]
    assert len(found["small_sample"]) == 1
    assert found["small_sample"][0].startswith("1 repeat, fewer than 3")
    cost = found["metrics"]["relative_cost"]
    assert 0 <= cost["p"] <= cost["p_corrected"] < 0.05
    assert found["metrics"]["output_tokens"]["p_corrected"] is None
    said = rung("compare", *runs[:2]).out
    assert "Small sample: 1 repeat" in said
    assert "Verdicts are corrected for their number" in said


@pytest.fixture
def answers(store: Store) -> list[int]:
    """Runs of one set that answer 100 %, 70 % and 95 % of 40 prompts right; the last knows no expected answers."""
    row, _ = save_prompt_set(store, chat_prompts(50, expected="yes"), "tests")
    numbers: list[int] = []
    for right in (40, 28, 38, 40):
        spec = {"prompt_set_id": row.id, "prompt_limit": 40} if len(numbers) < 3 else {}
        experiment = store.experiments.enqueue("run", "t", spec, [PlannedRun(0, 0, "Baseline", [], 40)])
        (run,) = store.runs.of_experiment(experiment)
        store.runs.start(run.id, {"prompt_set": {"content_hash": "same"}, "hardware": {"title": "box"}})
        made = [
            replace(each, text="yes" if each.position < right else "no")
            for each in one_by_one([100.0 + at for at in range(40)])
        ]
        save_records(store, run.id, 0, made)
        store.runs.finish(run.id, "done")
        numbers.append(run.id)
    return numbers


def test_quality_is_compared_in_points(rung: Rung, answers: list[int]) -> None:
    found = rung("compare", *answers[:2], "--json").json["candidates"][0]["metrics"]
    quality = found["quality"]
    assert (quality["baseline"], quality["candidate"], quality["unit"]) == (100.0, 70.0, "points")
    assert quality["delta"] == pytest.approx(-30.0)
    assert quality["interval"][0] < -30 < quality["interval"][1] < 0
    assert (quality["verdict"], quality["won"], quality["lost"]) == ("worse", 0, 12)
    assert (found["relative_cost"]["unit"], found["relative_cost"]["won"]) == ("ratio", None)
    assert "-30.0 points" in rung("compare", *answers[:2]).out


@pytest.mark.parametrize(
    ("gate", "candidate", "code", "says"),
    [
        ("quality<-2", 1, 1, "quality changed by -"),
        ("quality < -2 points", 1, 1, "points\n"),
        ("quality<-80", 1, 0, ""),
        ("quality<-2", 2, 0, "gate undecided: run"),
        ("quality>+1", 1, 0, ""),
        ("quality<-2", 3, 1, "quality could not be measured"),
    ],
)
def test_a_gate_on_quality(rung: Rung, answers: list[int], gate: str, candidate: int, code: int, says: str) -> None:
    said = rung("compare", answers[0], answers[candidate], "--fail-if", gate, "--json")
    assert said.code == code
    assert says in said.err
    assert said.err.count("\n") == bool(says)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{0} {0}", "give at least two different runs"),
        ("{0} {4}", "run {4} is queued; only finished runs can be compared"),
        ("{4} {0}", "only finished runs can be compared"),
        ("{0} 99", "there is no run with the number 99"),
        ("{0} {1} --fail-if cost", "'cost' is no gate; write it like 'cost>+5%'"),
        ("{0} {1} --fail-if speed>5%", "is no gate"),
        ("{0} {1} --fail-if quality>5%", "is no gate: quality changes in points; write it like 'quality<-2'"),
        ("{0} {1} --fail-if quality<", "is no gate; write it like 'cost>+5%'"),
        ("{0} {1} --fail-if cost>5", "is no gate: relative_cost changes in percent"),
        ("{0} {1} --fail-if cost>5points", "is no gate: relative_cost changes in percent"),
        ("{0} {1} --limits cost=2", "--limits cost=2: use one of: ttft_ms, tpot_ms, e2e_ms, quality"),
        ("{0} {1} --limits ttft_ms=5", "--limits is of a report; give --out FILE as well"),
        ("{0} {1} --limits ttft_ms=fast", "--limits ttft_ms=fast: give a number of milliseconds"),
    ],
)
def test_bad_input(rung: Rung, runs: list[int], line: str, says: str) -> None:
    said = rung("compare", *line.format(*runs).split())
    assert (said.code, said.out) == (2, "")
    assert says.format(*runs) in said.err
    assert said.err.count("\n") == 1


def test_rungs_are_compared_with_all_their_repeats(rung: Rung, store: Store) -> None:
    save_starter_sets(store)
    number = factory.finished(store, prompts=24, repeats=3)
    said = rung("compare", f"{number}.0", f"{number}.2", "--json")
    assert (said.json["baseline"], said.json["candidates"][0]["run"]) == (f"{number}.0", f"{number}.2")
    assert said.json["candidates"][0]["verdict"] == "better"
    assert said.json["candidates"][0]["small_sample"] == []
    assert f"Run {number}.2 against run {number}.0: better" in rung("compare", f"{number}.0", f"{number}.2").out


def test_a_saving_that_nothing_shows_a_cause_of_is_not_better(rung: Rung, store: Store, runs: list[int]) -> None:
    idle = {"technique": "prefix_caching", "took_effect": False, "detail": "0 of 900 prompt tokens"}
    for number in runs[:3]:
        store.runs.set_summary(number, {"evidence": [idle], "metrics": {}, "requests": 20, "errors": 0, "suspect": []})
    faster, slower = rung("compare", *runs[:3], "--json").json["candidates"]
    assert (faster["verdict"], slower["verdict"]) == ("no clear change", "worse")
    assert faster["metrics"]["relative_cost"]["delta"] == pytest.approx(-0.2)
    assert "20% less although nothing shows that prefix_caching took effect" in rung("compare", *runs[:2]).out


def test_a_report_of_the_comparison_is_written(rung: Rung, runs: list[int], tmp_path: Path) -> None:
    for form in ("html", "md", "csv", "json", "pdf"):
        said = rung("compare", *runs[:3], "--out", tmp_path / f"r.{form}", "--texts", "none")
        assert said.code == 0
        assert f"r.{form}: {(tmp_path / f'r.{form}').stat().st_size:,} bytes" in said.out
    assert f"compare {runs[0]} {runs[1]} {runs[2]}" in (tmp_path / "r.md").read_text()


def test_the_limits_of_the_trade_off_are_in_the_report(rung: Rung, runs: list[int], tmp_path: Path) -> None:
    for form in ("md", "json"):
        rung("compare", *runs[:2], "--out", tmp_path / f"r.{form}", "--limits", "ttft_ms=120,quality=90")
    assert json.loads((tmp_path / "r.json").read_text())["limits"] == "ttft_ms=120,quality=90"
    written = (tmp_path / "r.md").read_text()
    assert "Limits: TTFT p95 at most 120 ms and expected answers at least 90 %." in written
    assert f"compare {runs[0]} {runs[1]} --limits ttft_ms=120,quality=90" in written


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("1", "x"), "'x' is no run: give a run's number, or EXPERIMENT.RUNG, as in 3.2"),
        (("1", "1.9"), "experiment 1 has no rung 9"),
        (("1", "1.4"), "experiment 1 has no finished run of rung 4"),
        (("1", "7.0"), "no experiment with the number 7"),
        (("1", "2", "--out", "r.doc"), ".html, .pdf, .md, .csv or .json"),
    ],
)
def test_what_is_no_run_gets_one_line(rung: Rung, runs: list[int], words: tuple[str, ...], says: str) -> None:
    check(rung("compare", *words), says)
