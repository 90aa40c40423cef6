"""`explain`: every figure with its formula, one of them alone, and what cannot be explained."""

from __future__ import annotations

import pytest

from app.analysis.summary import Observed, summarise
from app.experiment.measure import save_records
from optimizers.recipe import Recipe
from store.experiments import PlannedRun
from store.store import Store
from tests.app.commands.conftest import Rung, check
from tests.building import one_by_one


@pytest.fixture
def run(store: Store) -> int:
    """Ten requests of 100 to 190 ms, one after the other."""
    experiment = store.experiments.enqueue("run", "t", {}, [PlannedRun(0, 0, "Baseline", [], 10)])
    (row,) = store.runs.of_experiment(experiment)
    store.runs.start(row.id, {"price_per_hour": 2.0})
    records = one_by_one([100.0 + 10 * at for at in range(10)])
    save_records(store, row.id, 0, records)
    store.runs.set_summary(row.id, summarise([(0, each) for each in records], Observed({}), Recipe(), {}, 2.0))
    store.runs.finish(row.id, "done")
    return row.id


def test_each_figure_has_its_formula_and_inputs(rung: Rung, run: int) -> None:
    found = {each["key"]: each for each in rung("explain", run, "--json").json["figures"]}
    cost = found["usd_per_1000_requests"]
    assert cost["result"] == pytest.approx(2 * 1.45 / 3600 / 10 * 1000)
    assert {item["name"] for item in cost["inputs"]} == {"price", "run", "preparation", "answered"}
    text = rung("explain", run).out
    assert "price * (run + preparation) / 3600 / answered * 1000" in text
    assert "–" in text


def test_one_figure_alone(rung: Rung, run: int) -> None:
    said = rung("explain", run, "--json", "--figure", "usd_per_million_tokens").json["figures"]
    assert [each["key"] for each in said] == ["usd_per_million_tokens"]
    check(rung("explain", run, "--figure", "usd"), "there is no figure 'usd' here", "usd_per_million_tokens")


def test_an_slo_gives_goodput(rung: Rung, run: int) -> None:
    found = {each["key"]: each for each in rung("explain", run, "--slo", "e2e_ms=145", "--json").json["figures"]}
    assert found["goodput_per_s"]["result"] == pytest.approx(5 / 1.45)
    check(rung("explain", run, "--slo", "speed=3"), "--slo speed=3: there is no limit on 'speed'")


def test_an_api_model_has_a_price_or_is_refused(rung: Rung, run: int) -> None:
    found = rung("explain", run, "--api-model", "gpt-4o-mini", "--figure", "api_usd_per_1000_requests", "--json").json[
        "figures"
    ]
    assert found[0]["result"] > 0
    check(rung("explain", run, "--api-model", "nobodys"), "no price is known for the model 'nobodys'")


def test_what_has_no_price(rung: Rung, run: int, store: Store) -> None:
    check(rung("explain", run, "--watts", 5), "--watts alone has no price")
    check(rung("explain", run, "--price-per-hour", "-1"), "--price-per-hour is -1.0; give 0 or more")
    experiment = store.experiments.enqueue("run", "t", {}, [PlannedRun(0, 0, "Baseline", [], 10)])
    (queued,) = store.runs.of_experiment(experiment)
    check(rung("explain", queued.id), "only a finished run has costs")
