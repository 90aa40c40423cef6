"""`compare`: verdicts, gates for continuous integration, and what cannot be compared."""

from __future__ import annotations

from typing import Any

import pytest

from app.experiment.measure import save_records
from store.experiments import PlannedRun
from store.store import Store
from tests.app.commands.conftest import Rung
from tests.building import one_by_one

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
    assert (said.code, said.err) == (0, "")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{0} {0}", "give at least two different runs"),
        ("{0} {4}", "run {4} is queued; only finished runs can be compared"),
        ("{4} {0}", "only finished runs can be compared"),
        ("{0} 99", "there is no run with the number 99"),
        ("{0} {1} --fail-if cost", "'cost' is no gate; write it like 'cost>+5%'"),
        ("{0} {1} --fail-if speed>5%", "is no gate"),
        ("{0} {1} --fail-if quality>5%", "is no gate"),
    ],
)
def test_bad_input(rung: Rung, runs: list[int], line: str, says: str) -> None:
    said = rung("compare", *line.format(*runs).split())
    assert (said.code, said.out) == (2, "")
    assert says.format(*runs) in said.err
    assert said.err.count("\n") == 1
