"""What pages ask of a full store goes by an index: no table of runs or requests is read from end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from store.database import sqlite_url
from store.experiments import PlannedRun
from store.store import Store

READS = {
    "runs of an experiment": lambda store: store.runs.of_experiment(1),
    "requests of a run": lambda store: store.runs.requests(1),
    "finished positions": lambda store: store.runs.finished_positions(1),
    "segments": lambda store: store.runs.segments(1),
    "progress": lambda store: store.experiments.progress(1),
    "what runs or waits": lambda store: store.experiments.unfinished(),
    "the latest": lambda store: store.experiments.recent(1),
}


@pytest.mark.parametrize("what", READS)
def test_no_table_is_scanned(tmp_path: Path, what: str) -> None:
    store = Store.open(sqlite_url(tmp_path / "t.db"))
    store.experiments.enqueue("run", "t", {}, [PlannedRun(0, 0, "t", [], 1)])
    asked: list[tuple[str, Any]] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    READS[what](store)
    selects = [(text, values) for text, values in asked if text.startswith("SELECT")]
    assert selects
    with store.engine.connect() as connection:
        for text, values in selects:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
            scans = [row[3] for row in plan if row[3].startswith("SCAN")]
            # The newest few of all experiments are found from the table's end; LIMIT ends the walk.
            assert scans == ([] if what != "the latest" else ["SCAN experiments"]), (text, plan)
