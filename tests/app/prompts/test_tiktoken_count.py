"""tiktoken counts where it has a vocabulary, and never goes and gets one."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiktoken

from app.prompts.tiktoken_count import count, count_by_tiktoken, local_vocabulary
from optimizers.prompt import Message, Prompt


@pytest.fixture(autouse=True)
def _no_vocabulary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})


def test_a_vocabulary_that_is_not_here_is_not_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiktoken.load.read_file", lambda path: pytest.fail(f"wanted to read {path}"))
    monkeypatch.setattr("optimizers.jobs.tiktoken_files.PACKAGE", "no_such_package")
    assert local_vocabulary() is None
    assert count(["abc"]) is None


def test_the_package_carries_what_tiktoken_would_download(tmp_path: Path) -> None:
    assert count(["Prompt compression", "<|endoftext|>"]) == [2, 7]
    assert count(["Prompt compression"], "cl100k_base") == [2]
    # tiktoken has checked the files against its own hashes.
    assert len([*tmp_path.iterdir()]) == 2
    found = local_vocabulary()
    assert found is not None
    assert found.name == "o200k_base"


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
