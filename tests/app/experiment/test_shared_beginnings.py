"""Shared beginnings in a tokenizer's own words, cut to whole blocks."""

from __future__ import annotations

from pathlib import Path

from app.engine.checkpoint import read_checkpoint
from app.experiment.prompt_stats import stats_of
from app.prompts.prompt_set import PromptSet
from optimizers.prompt import Prompt
from tests.app.prompts.test_encoding import make_tokenizer
from tests.building import checkpoint_folder


def test_beginnings_have_words_blocks_and_an_example(tmp_path: Path) -> None:
    folder = make_tokenizer(checkpoint_folder(tmp_path / "m"))
    texts = ["one two one two go", "one two one two one", "one two two two two two", "go"]
    prompts = PromptSet("s", tuple(Prompt(f"p{at}", text=text) for at, text in enumerate(texts)))
    found = stats_of(prompts, read_checkpoint(folder), [2, 128]).beginnings
    assert found.block_size == 2
    # [BOS] counts: three share it and "one two", all four share it alone.
    assert [(each.tokens, each.whole_block_tokens, each.prompts, each.repeated_tokens) for each in found.largest] == [
        (3, 2, 3, 4), (1, 0, 4, 3), (5, 4, 2, 2),
    ]  # fmt: skip
    assert [each.words for each in found.largest] == ["… one two", "[BOS]", "… one two"]
    texts_of = {prompt.id: prompt.plain_text() for prompt in prompts.prompts}
    assert all(texts_of[each.prompt].startswith("one two") for each in (found.largest[0], found.largest[2]))
    assert found.to_json()[0]["whole_block_tokens"] == 2
