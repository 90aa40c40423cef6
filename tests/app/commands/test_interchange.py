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
from tests.pages import factory

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
    check(rung("export", 1, "--out", tmp_path / "x.txt"), "none of .json, .csv")
    check(rung("export", 7, "--out", tmp_path / "x.json"), "no run with the number 7")
    check(rung("import", tmp_path / "none.json"), "cannot be read")
    store.experiments.enqueue("run", "t", {}, [PlannedRun(0, 0, "t", [], 1)])
    check(rung("export", 1, "--out", tmp_path / "no" / "x.json"), "cannot be written")
    assert list(tmp_path.glob("*.json")) == []


def test_a_whole_experiment_there_and_back_and_away(rung: Rung, store: Store, tmp_path: Path) -> None:
    own = factory.finished(store, prompts=4)
    out = tmp_path / "x.rung.json.gz"
    assert rung("export", "--experiment", own, "--out", out).code == 0
    said = rung("import", out, "--json")
    assert (said.code, said.json["new"], said.json["source"]["format"]) == (0, True, "recording")
    copied = said.json["experiment_id"]
    assert store.experiments.get(copied).kind == "ladder"
    assert rung("import", out, "--json").json["new"] is False
    assert f"Recorded on {factory.MACHINE}" in rung("import", out).out
    assert rung("report", copied, "--out", tmp_path / "r.md").code == 0
    assert f"Recorded on {factory.MACHINE}" in (tmp_path / "r.md").read_text()
    rung("report", copied, "--out", tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["recorded"]["machine"] == factory.MACHINE
    assert rung("remove", "--recorded").out == "removed 1 experiment\n"
    assert [row.id for row in store.experiments.recent()] == [own]


def test_a_recording_under_another_name(rung: Rung, store: Store, tmp_path: Path) -> None:
    out = tmp_path / "x.rung.json.gz"
    rung("export", "--experiment", factory.finished(store, prompts=4), "--out", out)
    check(rung("import", out, "--name", " "), "--name is empty")
    number = rung("import", out, "--name", "From the lab", "--json").json["experiment_id"]
    assert store.experiments.get(number).title == "From the lab"


def test_a_damaged_recording_writes_nothing(rung: Rung, store: Store, tmp_path: Path) -> None:
    out = tmp_path / "x.rung.json.gz"
    rung("export", "--experiment", factory.finished(store, prompts=4), "--out", out)
    sets = len(store.prompt_sets.all())
    for cut in (10, 2000):
        bad = tmp_path / "bad.rung.json.gz"
        bad.write_bytes(out.read_bytes()[:-cut])
        check(rung("import", bad), "cut short")
    check(rung("import", tmp_path / "none.rung.json.gz"), "cannot be read")
    check(rung("import", DATA / "vllm.json", "--as", "recording"), "damaged")
    assert (len(store.experiments.recent()), len(store.prompt_sets.all())) == (1, sets)


def test_what_can_be_removed(rung: Rung, store: Store, tmp_path: Path) -> None:
    own, waiting = factory.finished(store, prompts=4), factory.queued(store)
    check(rung("remove"), "give the numbers")
    check(rung("remove", own, "--recorded"), "not both")
    check(rung("remove", own, waiting), f"experiment {waiting} is queued; cancel it")
    check(rung("remove", own, 99), "no experiment with the number 99")
    assert len(store.experiments.recent()) == 2, "nothing is removed of what cannot be removed whole"
    runs = [run.id for run in store.runs.of_experiment(own)]
    assert rung("remove", own).out == "removed 1 experiment\n"
    assert [run for run in runs if store.runs.requests(run)] == []
    check(rung("export", "--out", tmp_path / "x.rung.json.gz"), "name it with --experiment")
