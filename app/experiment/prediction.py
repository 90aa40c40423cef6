"""Predicts a run's prefix-cache hits from its prompts, once it is over: outside the timed path."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from app.analysis.prediction import predict_hits
from app.engine.metrics import CacheFacts
from app.experiment.prompt_tokens import answer_tokens, prompt_tokens
from app.prompts.prompt_set import PromptSet


def predict_run(
    folder: Path | None,
    prompt_set: PromptSet,
    sent: Collection[int],
    chat: bool,
    cache: CacheFacts,
    answers: Mapping[int, str],
    held_back: int = 0,
) -> dict[str, float] | None:
    """`sent` are the positions of one stretch of the run, `answers` its texts by position. None where the tokens of a
    prompt, or the size of the engine's blocks, are not known."""
    if folder is None or cache.block_size is None:
        return None
    tokens = prompt_tokens(folder, prompt_set, chat)
    if tokens is None:
        return None
    order = sorted(sent)
    prompts = [ids for at in order if (ids := tokens[at]) is not None]
    if len(prompts) < len(order):
        return None
    said = answer_tokens(folder, [answers.get(at, "") for at in order])
    return predict_hits(prompts, cache.block_size, cache.tokens, said, held_back)
