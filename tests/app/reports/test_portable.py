"""No folder of this machine stays in a document; what is needed to repeat does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.reports.documents import run_document
from app.reports.portable import portable
from store.settings import Settings
from store.tables import RunRow

ROOTS = {"RUNG_HOME": Path("/home/me/studio/.rung"), "RUNG": Path("/home/me/studio")}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/home/me/studio/.rung/models/quantized/abc", "RUNG_HOME/models/quantized/abc"),
        ("/home/me/studio/starter/models/target", "RUNG/starter/models/target"),
        ("/data/my models/Qwen3-0.6B", "Qwen3-0.6B"),
        ("--model=/data/my models/Qwen3-0.6B", "--model=Qwen3-0.6B"),
        ('{"method": "draft_model", "model": "/data/draft one"}', '{"method": "draft_model", "model": "draft one"}'),
        ("cannot open /data/secret/x.bin: no such file", "cannot open x.bin: no such file"),
        ("/usr/lib/a:/usr/lib/b", "a:b"),
        ("http://127.0.0.1:8000/v1/chat/completions", "http://127.0.0.1:8000/v1/chat/completions"),
        ("POST /v1/chat/completions gave 500", "POST /v1/chat/completions gave 500"),
        ("3 req/s and/or more", "3 req/s and/or more"),
        ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B"),
    ],
)
def test_texts(given: str, expected: str) -> None:
    assert portable(given, ROOTS) == expected


def test_a_whole_document() -> None:
    document = {"argv": ["vllm", "serve", "/home/me/studio/starter/models/target", "--port", 1], "none": None}
    assert portable(document, ROOTS) == {
        "argv": ["vllm", "serve", "RUNG/starter/models/target", "--port", 1],
        "none": None,
    }


def test_the_document_of_a_run_holds_no_folder(settings: Settings) -> None:
    model = settings.home / "models" / "quantized" / "abc"
    argv = ["--model", str(model), f"--speculative-config={json.dumps({'model': '/data/drafts/small'})}"]
    run = RunRow(id=1, recipe=[], status="failed", error=f"{model} is gone", manifest={"engine": {"argv": argv}})
    document = run_document(run)
    assert document["manifest"]["engine"]["argv"] == [
        "--model",
        "RUNG_HOME/models/quantized/abc",
        '--speculative-config={"model": "small"}',
    ]
    assert document["error"] == "RUNG_HOME/models/quantized/abc is gone"


def test_a_password_in_an_address_is_left_out() -> None:
    assert portable({"attached_to": "https://ann:p@ss@gw/v1"}, {}) == {"attached_to": "https://gw/v1"}
