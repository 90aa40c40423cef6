"""`import` and `export`: marked, once, comparable, and there and back again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from app.experiment.results import load_ladder
from store.experiments import PlannedRun
from store.store import Store
from tests.app.commands.conftest import Rung, check

DATA = Path(__file__).parents[1] / "interchange" / "data"


def test_an_import_is_marked_and_done_once(rung: Rung, store: Store) -> None:
    said = rung("import", DATA / "guidellm.json", "--json")
    assert (said.code, said.json["new"], len(said.json["runs"])) == (0, True, 2)
    experiment = said.json["experiment_id"]
    assert store.experiments.get(experiment).kind == "imported"
    marks = said.json["runs"][0]["manifest"]["imported"]
    assert (marks["tool"], marks["version"], marks["file"]) == ("GuideLLM", "0.8.1", "guidellm.json")
    assert said.json["runs"][0]["suspect"][0] == "imported from GuideLLM 0.8.1 (guidellm.json)"
    again = rung("import", DATA / "guidellm.json", "--json")
    assert (again.json["new"], again.json["experiment_id"]) == (False, experiment)
    assert len(store.experiments.recent()) == 1
    assert store.experiments.claim() is None
    ladder = load_ladder(store, experiment)
    assert ladder.noise == {}, "two loads are not the same measurement twice"
    assert ladder.rungs[0].metrics["ttft_ms"]["p50"] > 0


def test_what_is_not_known_is_said(rung: Rung, store: Store) -> None:
    rung("import", DATA / "vllm_detailed.json")
    rung("import", DATA / "vllm.json")
    rung("import", DATA / "guidellm.json")
    said = rung("compare", 1, 2, 3, "--json")
    summary, requests = said.json["candidates"]
    assert "not known: the prompt set of the baseline and the candidate" in requests["reason"]
    assert requests["metrics"]["ttft_ms"]["interval"] is not None
    assert "only summaries are known" in summary["reason"]
    assert summary["metrics"]["ttft_ms"]["delta"] is not None
    assert {item["interval"] for item in summary["metrics"].values()} == {None}


def test_there_and_back_again(rung: Rung, store: Store, tmp_path: Path) -> None:
    rung("import", DATA / "vllm_detailed.json")
    out = tmp_path / "run.json"
    assert rung("export", 1, "--out", out).code == 0
    document = json.loads(out.read_text())
    document["manifest"]["prompt_set"] = {"name": "mine", "content_hash": "abc"}
    out.write_text(json.dumps(document))
    said = rung("import", out, "--json")
    (run,) = said.json["runs"]
    assert run["metrics"] == document["metrics"]
    assert run["intervals"] == document["intervals"]
    assert run["prompt_set"]["content_hash"] == "abc"
    old, new = (store.runs.requests(number) for number in (1, run["run_id"]))
    assert [(row.text, row.token_ns, row.end_ns) for row in new] == [
        (row.text, row.token_ns, row.end_ns) for row in old
    ]


def test_an_edited_export_is_refused_whole(rung: Rung, store: Store, tmp_path: Path) -> None:
    rung("import", DATA / "vllm_detailed.json")
    out = tmp_path / "run.json"
    rung("export", 1, "--out", out)
    document = json.loads(out.read_text())
    document["records"][1]["position"] = 0
    out.write_text(json.dumps(document))
    check(rung("import", out), "the same position")
    out.write_text(json.dumps(document | {"metrics": []}))
    check(rung("import", out), "its metrics cannot be read")
    assert len(store.experiments.recent()) == 1


def test_csv_runs_no_formula(rung: Rung, store: Store, tmp_path: Path) -> None:
    document = json.loads((DATA / "vllm_detailed.json").read_text())
    texts = ['=1+1, "so"', "+x", "-x", "@x", "\tx", "\rx", "plain\ntwo lines"]
    document["generated_texts"][:7] = texts
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(document))
    rung("import", changed)
    out = tmp_path / "requests.csv"
    assert rung("export", "--experiment", 1, "--out", out).code == 0
    assert out.read_bytes().count(b"\r\n") >= 13
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows[:7]] == [*("'" + text for text in texts[:6]), texts[6]]
    assert float(rows[0]["ttft_ms"]) == pytest.approx(1000 * document["ttfts"][0], rel=1e-3)
    assert rows[0]["cached_tokens"] == ""
    runs = tmp_path / "runs.csv"
    rung("export", 1, "--out", runs, "--rows", "runs")
    with runs.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["ttft_ms p50 (ms)"]) > 0
    assert [path.name for path in tmp_path.glob(".*csv*")] == []


def test_bad_usage(rung: Rung, store: Store, tmp_path: Path) -> None:
    check(rung("export", "--out", tmp_path / "x.json"), "give the numbers of runs")
    check(rung("export", 1, "--out", tmp_path / "x.txt"), "neither .json nor .csv")
    check(rung("export", 7, "--out", tmp_path / "x.json"), "no run with the number 7")
    check(rung("import", tmp_path / "none.json"), "cannot be read")
    store.experiments.enqueue("run", "t", {}, [PlannedRun(0, 0, "t", [], 1)])
    check(rung("export", 1, "--out", tmp_path / "no" / "x.json"), "cannot be written")
    assert list(tmp_path.glob("*.json")) == []
