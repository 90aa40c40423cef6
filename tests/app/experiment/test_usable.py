"""Why a technique is left out where nobody asked for it: one reason, the first that counts."""

from __future__ import annotations

from typing import Any

import pytest

from app.experiment import usable
from app.experiment.usable import why_not
from optimizers.prompt import Document, Message, Prompt
from optimizers.technique import Surroundings

HERE = Surroundings("cpu", True, {"hidden_size": 256, "intermediate_size": 512})
PLAIN = (Prompt("a", (Message("user", "What is due?"),)),)
CROWDED = (
    Prompt(
        "a",
        (Message("user", "{{documents}}\n\nWhat is due?"),),
        documents=tuple(Document(str(number), f"text {number}") for number in range(4)),
    ),
)


@pytest.mark.parametrize(
    ("key", "settings", "prompts", "reason"),
    [
        ("prefix_caching", {}, PLAIN, None),
        ("context_selection", {}, CROWDED, None),
        ("context_selection", {}, PLAIN, "no prompt carries documents"),
        ("history_summary", {}, PLAIN, "no prompt has turns before its question"),
        ("prompt_compression", {}, PLAIN, "prompt_compression.compressor is empty"),
        ("prefix_caching", {"block_size": 17}, PLAIN, "prefix_caching.block_size is 17"),
        ("quantization", {"method": "awq"}, PLAIN, "AutoAWQ is not installed yet; make quantizers installs it"),
    ],
)
def test_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, key: str, settings: dict[str, Any], prompts: tuple[Prompt, ...], reason: str | None
) -> None:
    monkeypatch.setattr(usable, "is_installed", lambda tool: False)
    found = why_not(key, settings, HERE, None, prompts)
    assert found is None if reason is None else found is not None and found.startswith(reason)


def test_a_tool_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usable, "is_installed", lambda tool: True)
    assert why_not("quantization", {"method": "awq"}, HERE, None, PLAIN) is None


def test_at_an_endpoint_what_starts_an_engine_is_out() -> None:
    there = Surroundings("cpu", launches_engine=False)
    assert "started by someone else" in (why_not("prefix_caching", {}, there, None, PLAIN) or "")
