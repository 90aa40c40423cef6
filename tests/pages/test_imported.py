"""Imported runs on the pages: marked, without invented figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.interchange.read import read_results
from app.interchange.save import save_import
from store.store import Store
from tests.fakes.launch import ROOT
from tests.pages.conftest import Open, words

DATA = ROOT / "tests" / "app" / "interchange" / "data"


@pytest.mark.parametrize("file", ["vllm.json", "vllm_detailed.json", "guidellm.json", "aiperf.json", "aiperf.jsonl"])
def test_the_ladder_page_marks_an_import(open_page: Open, store: Store, file: str) -> None:
    source, runs = read_results(DATA / file)
    save_import(store, source, runs, None)
    at = open_page("ladder")
    said = words(at)
    assert "imported from" in said
    assert "Noise floor" not in said
    assert len(at.dataframe[0].value) == len(runs)


def test_a_folder_that_was_measured_elsewhere_is_told_by_its_last_name(
    open_page: Open, store: Store, tmp_path: Path
) -> None:
    document = json.loads((DATA / "vllm.json").read_text()) | {"model_id": "/home/ann/models/llama-3"}
    file = tmp_path / "vllm.json"
    file.write_text(json.dumps(document))
    save_import(store, *read_results(file), None)
    at = open_page("ladder")
    assert list(at.dataframe[0].value["Rung"]) == ["llama-3 (vllm bench serve)"]
    assert "/home/ann" not in words(at)


def test_clients_that_keep_no_answers_have_no_same_output(open_page: Open, store: Store) -> None:
    for copy in range(2):
        source, runs = read_results(DATA / "aiperf.jsonl")
        save_import(store, replace(source, sha256=f"{copy}"), runs, None)
    at = open_page("compare", **{"baseline": "1.0", "with": "2.0"})
    assert "Same output (%)" not in {title for each in at.dataframe for title in each.value.get("Figure", ())}


def test_what_if_marks_an_import(open_page: Open, store: Store) -> None:
    save_import(store, *read_results(DATA / "vllm_detailed.json"), None)
    at = open_page("what_if")
    assert all(option.endswith("(imported)") for option in at.selectbox[0].options)
    assert "Imported from vllm_detailed.json" in words(at)


def test_home_does_not_call_an_import_the_latest_ladder(open_page: Open, store: Store) -> None:
    save_import(store, *read_results(DATA / "vllm.json"), None)
    said = words(open_page("home"))
    assert "Starter ladder" in said
    assert "Latest ladder" not in said
