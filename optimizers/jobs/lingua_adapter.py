"""LLMLingua's compressor on the installed transformers, offline, with any causal model or token classifier.

Three things stand in its way. Its constructor asks tiktoken for a vocabulary that is downloaded; tiktoken_files.py has
it, and where that is missing the compressor's own tokenizer counts. It passes the KV cache as pairs of keys and values,
which transformers has given up; a thin wrapper translates. And LLMLingua-2 tells a model's kind by the words in its
path; here the tokenizer tells it. What is mended in its scores is in lingua_causal.py and lingua_classifier.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import tiktoken
import torch
from transformers import AutoConfig, AutoTokenizer, DynamicCache

from optimizers.jobs.tiktoken_files import encoding

Pairs = list[tuple[torch.Tensor, torch.Tensor]]
WINDOW = 512
"""Tokens that LLMLingua-2 reads at once."""
WORDPIECE, SENTENCEPIECE = "bert-base-multilingual-cased", "xlm-roberta-large"
"""The names by which the library knows how a tokenizer marks where words begin."""


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


class _OwnCount:
    """Counts by the compressor's own tokenizer, in the one way in which LLMLingua asks tiktoken."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder)

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)


class _AsText:
    """A text may hold what tiktoken takes for a special token; it is text all the same."""

    def __init__(self, known: Any) -> None:
        self._known = known

    def encode(self, text: str) -> list[int]:
        return list(self._known.encode(text, disallowed_special=()))


@contextmanager
def _counted_offline(folder: Path) -> Iterator[None]:
    known = encoding("cl100k_base")
    counting = _OwnCount(folder) if known is None else _AsText(known)
    with patch.object(tiktoken, "encoding_for_model", lambda name: counting):
        yield


def is_classifier(folder: Path) -> bool:
    architectures = AutoConfig.from_pretrained(folder).architectures or ()
    return any("ForTokenClassification" in name for name in architectures)


def load_compressor(folder: Path, device: str = "cpu") -> Any:
    """An `llmlingua.PromptCompressor`: LLMLingua-2 for a token classifier, else LLMLingua."""
    from llmlingua import PromptCompressor

    classifier = is_classifier(folder)
    with _counted_offline(folder):
        library = PromptCompressor(
            str(folder),
            device_map=device,
            model_config={"trust_remote_code": False},
            use_llmlingua2=classifier,
        )
    library.model.eval()
    if classifier:
        library.model_name = word_marks(library.tokenizer)
        library.max_seq_len = min(WINDOW, _positions(library.model.config))
    else:
        library.model = PairCacheModel(library.model)
    return library


def word_marks(tokenizer: Any) -> str:
    """How this tokenizer marks where words begin, by the library's name for it."""
    tokens = list(tokenizer.get_vocab())
    if any(token.startswith("##") and len(token) > 2 for token in tokens):
        return WORDPIECE
    if any(token.startswith("▁") for token in tokens):
        return SENTENCEPIECE
    raise ValueError(
        "its tokenizer marks words neither with ## nor with ▁, which are the two that LLMLingua-2 can read"
    )


def _positions(config: Any) -> int:
    """RoBERTa shapes count positions from behind the padding."""
    unused = config.pad_token_id + 1 if "roberta" in config.model_type else 0
    return int(config.max_position_embeddings - unused)
