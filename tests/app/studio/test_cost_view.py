"""The cost unfolded: a row for each finished run whose parts give its result."""

from __future__ import annotations

from typing import Any

import pytest

from app.analysis.summary import Observed, summarise
from app.studio.cost_view import unfolded
from optimizers.recipe import Recipe
from store.tables import RunRow
from tests.building import one_by_one

DELTA = {"vllm:request_prefill_time_seconds_sum": 3.0, "vllm:request_decode_time_seconds_sum": 1.0}


def run(number: int, price: float | None = None, **fields: Any) -> RunRow:
    records = [(0, each) for each in one_by_one([360.0] * 10)]
    summary = summarise(records, Observed(DELTA, running=(1.0, 1.0)), Recipe(), {}, price)
    given = {"label": "Baseline", "status": "done", "summary": summary, "manifest": {"price_per_hour": price}}
    return RunRow(id=number, **{**given, **fields})


def test_a_row_gives_its_own_result() -> None:
    (row,) = unfolded([run(7, 2.0)])
    assert float(row["Run (s)"]) / float(row["Answered"]) == pytest.approx(float(row["Seconds per request"]))
    assert row["$ per 1,000 requests"] == "0.2000"
    assert (row["Prompts (%)"], row["Answers (%)"], row["Idle (%)"]) == ("75.0", "25.0", "0.0")


def test_without_a_price_there_is_a_dash() -> None:
    assert unfolded([run(7)])[0]["$ per 1,000 requests"] == "–"


def test_only_finished_runs_with_a_length_have_costs() -> None:
    imported = {**(run(1).summary or {}), "seconds": None}
    assert unfolded([run(1, status="running"), run(2, summary=None), run(3, summary=imported)]) == []
