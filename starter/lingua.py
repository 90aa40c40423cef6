"""LLMLingua's compressor on the installed transformers, offline.

Two things stand in its way. Its constructor asks tiktoken for a vocabulary that is downloaded, which it only counts
with; a byte vocabulary counts as well for that purpose, and true ratios are taken from real tokenizers anyway. And it
passes the KV cache as pairs of keys and values, which transformers has given up; a thin wrapper translates.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import tiktoken
import torch
from transformers import DynamicCache

Pairs = list[tuple[torch.Tensor, torch.Tensor]]


class PairCacheModel:
    """A causal model that takes and gives its KV cache as one pair of (batch, heads, length, size) for each layer."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, *args: Any, past_key_values: Pairs | None = None, **kwargs: Any) -> Any:
        cache = None if past_key_values is None else DynamicCache([(k, v) for k, v in past_key_values])
        output = self._model(*args, past_key_values=cache, **kwargs)
        if output.past_key_values is not None:
            output["past_key_values"] = [(layer.keys, layer.values) for layer in output.past_key_values.layers]
        return output


@contextmanager
def _bytes_for_tiktoken() -> Iterator[None]:
    counting = tiktoken.Encoding(
        "bytes", pat_str=r"\s?\S+|\s+", mergeable_ranks={bytes([b]): b for b in range(256)}, special_tokens={}
    )
    with patch.object(tiktoken, "encoding_for_model", lambda name: counting):
        yield


def load_compressor(folder: Path) -> Any:
    """An `llmlingua.PromptCompressor` on the CPU: LLMLingua-2 for a token classifier, else LLMLingua."""
    from llmlingua import PromptCompressor

    classifier = "xlm-roberta-large" in folder.name
    with _bytes_for_tiktoken():
        compressor = PromptCompressor(str(folder), device_map="cpu", use_llmlingua2=classifier)
    if not classifier:
        compressor.model = PairCacheModel(compressor.model)
    return compressor
