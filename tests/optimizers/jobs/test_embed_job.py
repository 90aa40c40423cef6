"""The embedding job as Rung runs it, on the starter models: they know nothing of retrieval, but the way is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optimizers.context_selection import EMBED_JOB
from starter.folder import MODELS
from store.settings import ROOT

QUESTION = "Order 4821 status?"
TASK = [
    {"question": QUESTION, "documents": ["Order 4821 status: delivered", "", QUESTION]},
    {"question": QUESTION, "documents": ["Order 4821 status: delivered", "lamp " * 6000]},
]


def run(folder: Path) -> tuple[int, list[dict[str, Any]]]:
    task = json.dumps({"model": str(folder), "prompts": TASK})
    done = subprocess.run(
        [sys.executable, "-m", EMBED_JOB], cwd=ROOT, input=task, capture_output=True, text=True, check=False
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("folder", ["xlm-roberta-large-starter", "draft"])
def test_closeness_by_an_encoder_and_by_a_decoder(folder: str) -> None:
    code, lines = run(MODELS / folder)
    assert code == 0
    assert lines[:-1] == [{"done": 1, "total": 2}, {"done": 2, "total": 2}]
    assert lines[-1]["result"]["load_seconds"] > 0
    first, second = lines[-1]["result"]["prompts"]
    related, empty, same = first["scores"]
    assert same == pytest.approx(1, abs=1e-5)
    assert empty < related < same
    assert second["scores"][0] == related > second["scores"][1]
    assert (first["cut"], second["cut"]) == (0, 1)
    assert first["seconds"] > 0


def test_a_folder_that_holds_no_model_is_told_in_one_line(tmp_path: Path) -> None:
    code, lines = run(tmp_path)
    assert code == 1
    assert [*lines[-1]] == ["error"]
    assert lines[-1]["error"].startswith(f"the embedder {tmp_path} cannot be used: ")
    assert "\n" not in lines[-1]["error"]
