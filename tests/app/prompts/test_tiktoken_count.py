"""tiktoken counts where it has a vocabulary, and never goes and gets one."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiktoken

from app.prompts.tiktoken_count import count_by_tiktoken, local_vocabulary
from optimizers.prompt import Message, Prompt


@pytest.fixture(autouse=True)
def _no_vocabulary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})


def test_a_vocabulary_that_is_not_here_is_not_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiktoken.load.read_file", lambda path: pytest.fail(f"wanted to read {path}"))
    assert local_vocabulary() is None


def test_one_that_is_here_counts_the_plain_text() -> None:
    letters = tiktoken.Encoding(
        "bytes",
        pat_str=r"[\s\S]",
        mergeable_ranks={bytes([at]): at for at in range(256)},
        special_tokens={"<end>": 256},
    )
    prompts = [Prompt("a", text="abc<end>"), Prompt("b", (Message("user", "x"),))]
    # What looks like a special token is text; "user: x", an empty line, "assistant:".
    assert count_by_tiktoken(letters, prompts) == [8, 19]
