"""`requests`: a line for each request, the same as CSV and JSON."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from app.experiment.measure import save_records
from store.experiments import PlannedRun
from store.store import Store
from tests.app.commands.conftest import Rung, check
from tests.building import record


def new_run(store: Store) -> int:
    experiment = store.experiments.enqueue("run", "t", {}, [PlannedRun(0, 0, "Baseline", [], 2)])
    (row,) = store.runs.of_experiment(experiment)
    return row.id


@pytest.fixture
def run(store: Store) -> int:
    number = new_run(store)
    save_records(store, number, 0, [record(0, due_ms=100), record(1, due_ms=350, error="=cmd was refused")])
    return number


def test_each_request_has_a_line(rung: Rung, run: int) -> None:
    told = rung("requests", run).out
    assert "refused" in told
    assert "–" in told
    document = rung("requests", run, "--json").json
    assert document["schema"] == "rung.requests/1"
    first, second = document["requests"]
    assert (first["ttft_ms"], second["ttft_ms"]) == (pytest.approx(100), None)
    assert second["due_s"] == pytest.approx(0.25)


def test_as_csv_nothing_runs_as_a_formula_and_missing_is_empty(rung: Rung, run: int, tmp_path: Path) -> None:
    said = rung("requests", run, "--csv", tmp_path / "requests.csv")
    assert (said.code, said.out) == (0, "")
    with (tmp_path / "requests.csv").open(newline="") as stream:
        first, second = csv.DictReader(stream)
    assert float(first["e2e_ms"]) == pytest.approx(200)
    assert (second["ttft_ms"], second["error"]) == ("", "'=cmd was refused")


def test_bad_input(rung: Rung, run: int, store: Store, tmp_path: Path) -> None:
    check(rung("requests", 99), "there is no run with the number 99")
    check(rung("requests", new_run(store)), "has no requests: it is queued")
    check(rung("requests", run, "--csv", tmp_path / "absent" / "x.csv"), "cannot be written")
