"""`sweep`: one experiment, a run for each load, and what they tell together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from store.store import Store
from tests.app.commands.conftest import Rung, check

Behave = Callable[..., None]
pytestmark = pytest.mark.usefixtures("quick")


def test_loads_are_measured_on_one_engine_and_told_by_growing_load(
    rung: Rung, store: Store, model: Path, prompts: Path, fake_vllm: Behave, tmp_path: Path
) -> None:
    said = rung(
        "sweep", "--model", model, "--prompts", prompts, "--concurrencies", "4,1,2", "--repeats", 2,
        "--slo", "ttft_ms=60000,e2e_ms=60000", "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert (said.code, said.err) == (0, "")
    document = said.json
    assert document["schema"] == "rung.sweep/1"
    assert json.loads((tmp_path / "out" / "sweep.json").read_text()) == document
    assert [point["offered"] for point in document["points"]] == [1, 2, 4]
    assert [point["requests"] for point in document["points"]] == [8, 8, 8]
    assert document["highest_within_slo"] == 4
    assert "may lie beyond" in document["reason"]
    assert all(point["goodput"] == pytest.approx(point["requests_per_s"]) for point in document["points"])
    experiment = store.experiments.get(1)
    assert (experiment.kind, experiment.engine_starts) == ("sweep", 1)
    loads = [(run.manifest or {})["load"]["concurrency"] for run in store.runs.of_experiment(1)]
    assert loads == [1, 1, 2, 2, 4, 4]
    assert experiment.spec["slo"] == document["slo"]["limits"] == {"ttft_ms": 60000, "e2e_ms": 60000}


def test_a_table_for_people(rung: Rung, model: Path, prompts: Path, fake_vllm: Behave) -> None:
    said = rung("sweep", "--model", model, "--prompts", prompts, "--rates", "50,100", "--repeats", 1)
    assert said.code == 0
    assert "Offered is requests/s" in said.out
    assert [line.split()[0] for line in said.out.splitlines()[1:3]] == ["50", "100"]


def test_a_sweep_that_is_gone_on_with_is_told_as_one(
    rung: Rung, store: Store, model: Path, prompts: Path, fake_vllm: Behave
) -> None:
    line = ("sweep", "--model", model, "--prompts", prompts, "--concurrencies", "1,2", "--repeats", 1, "--json")
    rung(*line, "--slo", "ttft_ms=60000")
    store.experiments.finish(1, "interrupted", {}, None)
    said = rung("resume", 1, "--json")
    assert said.code == 0
    assert (said.json["schema"], len(said.json["points"])) == ("rung.sweep/1", 2)
    assert said.json["slo"]["limits"] == {"ttft_ms": 60000}, "it is judged by the limits that it was started with"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--rates 1,x", "give numbers with commas"),
        ("--rates ,", "give one to 50 numbers"),
        ("--rates 0,1", "the rate is 0.0"),
        ("--concurrencies 1.5", "give whole numbers"),
        ("--rates 1 --concurrencies 2", "not allowed with argument"),
        ("--rates 1 --slo speed=3", "no limit on 'speed'"),
        ("--rates 1 --slo ttft_ms=soon", "--slo ttft_ms=soon: give a number of milliseconds"),
        ("--rates 1 --slo ttft_ms=-1", "--slo ttft_ms=-1: a limit of -1 was given for ttft_ms; give more than 0"),
        ("--rates 1 --slo ,", "--slo: give at least one limit"),
        ("", "one of the arguments --rates --concurrencies is required"),
    ],
)
def test_bad_input_gets_one_line(rung: Rung, model: Path, prompts: Path, options: str, says: str) -> None:
    check(rung("sweep", "--model", model, "--prompts", prompts, *options.split()), says)
