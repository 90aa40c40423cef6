"""`prompts preview` on the committed models: no engine, the real library."""

from __future__ import annotations

import pytest

from optimizers.prompt_compression import PromptCompression
from starter.folder import MODELS
from tests.app.commands.conftest import Rung, check

KEY = PromptCompression.key
COMPRESSOR = f"{KEY}.compressor={MODELS / 'xlm-roberta-large-starter'}"
COMMAND = ("prompts", "preview", "unique", "--model", MODELS / "target", "--technique")


def test_dropped_words_are_marked_and_tokens_counted(rung: Rung) -> None:
    said = rung(*COMMAND, KEY, "--set", COMPRESSOR, "--prompt", "unique-001")
    assert (said.code, said.err) == (0, "")
    assert "[-" in said.out
    assert "Question: Who was the plumber? Take your time." in said.out
    assert "Tokens by target: " in said.out
    found = rung(*COMMAND, KEY, "--set", COMPRESSOR, "--json").json
    assert (found["schema"], found["prompt"], found["technique"]) == ("rung.preview/1", "unique-001", KEY)
    tokens = found["tokens"]["model"]
    assert tokens["after"] < tokens["before"]
    spans = found["parts"][0]["spans"]
    assert {span["kind"] for span in spans} == {"kept", "dropped"}


def test_nothing_to_do_is_said(rung: Rung) -> None:
    said = rung(*COMMAND, KEY, "--set", COMPRESSOR, "--set", f"{KEY}.rate=1")
    assert said.code == 0
    assert "Nothing was changed: prompt_compression.rate is 1, which keeps every word" in said.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((KEY,), "prompt_compression.compressor is empty; name the model"),
        ((KEY, "--set", f"{KEY}.compressor=/no/such/folder"), "no such folder"),
        ((KEY, "--set", f"{KEY}.compressor={MODELS / 'draft'}"), "LLMLingua-2 needs a token classifier"),
        ((KEY, "--set", f"{KEY}.rate=2"), "rate is 2, outside what is allowed"),
        ((KEY, "--set", COMPRESSOR, "--prompt", "nobody"), "unique has no prompt 'nobody'; it has 128"),
        (("prefix_caching",), "prefix_caching changes no prompt"),
        (("history_summary",), "asks the served model, and no engine runs for a preview"),
    ],
)
def test_what_cannot_be_previewed_is_refused(rung: Rung, arguments: tuple[str, ...], says: str) -> None:
    check(rung(*COMMAND, *arguments), says)
