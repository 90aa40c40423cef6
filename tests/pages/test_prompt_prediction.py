"""Prompts: what a prefix cache would serve of a set, counted on the page without an engine."""

from __future__ import annotations

import json
from pathlib import Path

from app.prompts.saved import import_file
from store.settings import Settings
from store.store import Store
from tests.app.prompts.test_encoding import make_tokenizer
from tests.building import starter_folders
from tests.pages.conftest import Open, words


def test_it_is_told_for_blocks_of_a_gpu_and_of_a_cpu(
    open_page: Open, store: Store, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "shared.jsonl"
    texts = ["one two " * 70 + "one " * more for more in (1, 2, 3)]
    file.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    import_file(store, file)
    at = open_page("prompts", set="shared", show="Shared beginnings")
    assert "Nothing can be predicted: the built-in model starter is not whole" in words(at)
    make_tokenizer(starter_folders(settings.starter_models))
    at = open_page("prompts", set="shared", show="Shared beginnings")
    found = at.table[0].value
    # [BOS] and 141 to 143 words: one whole block of 128 is shared, or eight of 16; the first prompt finds nothing.
    assert dict(zip(found["Block"], found["Prompt tokens"], strict=True)) == {
        "128 tokens (a CPU)": "256 of 429", "16 tokens (a GPU)": "256 of 429",
    }  # fmt: skip
    assert set(found["Beginning that most share"]) == {"128 tokens, by 3 prompts"}
    # A vocabulary of tiktoken's may be on the machine, and is counted with then.
    assert "429 prompt tokens" in words(at)
    assert "a prompt has 143 on average and 144 at most" in words(at)
    # [BOS] and 141 words are shared by all three, one word more by two: 2 x 142 and 1 token are repeated.
    assert "285 of 429 prompt tokens (66%) repeat a beginning of another prompt" in words(at)
    assert len(at.get("plotly_chart")) == 1
    assert list(at.dataframe[1].value["Tokens repeated"]) == [284, 1]
    at = open_page("prompts", set="shared", show="Shared beginnings", block="16")
    assert list(at.dataframe[1].value["In blocks of 16"]) == [128, 128]
    assert at.table[0].value["Block"][0] == "16 tokens (a GPU)"
