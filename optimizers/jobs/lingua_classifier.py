"""LLMLingua-2 over one text, with words that must stay marked on the library's own list of words.

The library's `force_tokens` puts placeholders into the text, which glues words together and hits inside longer words;
its `force_reserve_digit` averages a digit's 1.0 with its neighbours, so that 110.81 can lose its half. Here the same
words get the probability 1.0 as wholes. Everything else is the library's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optimizers.jobs.lingua_adapter import WORDPIECE

MERGE = "_PromptCompressor__merge_token_to_word"
JOINTS = frozenset(".,:/-")


class ClassifierCompressor:
    def __init__(self, library: Any, forced: Sequence[str] = (), numbers: bool = False) -> None:
        self._library, self._numbers = library, numbers
        self._merge = getattr(library, MERGE)
        self._spaceless = library.model_name == WORDPIECE
        self._forced = [words for text in forced if (words := self._words(text))]
        if numbers or self._forced:
            setattr(library, MERGE, self._marked)

    def compress(self, text: str, rate: float) -> str:
        found = self._library.compress_prompt([text], rate=rate, use_context_level_filter=False)
        return str(found["compressed_prompt"])

    def _words(self, text: str) -> list[str]:
        tokens = self._library.tokenizer.tokenize(text)
        words, _, _ = self._merge(tokens, [0.0] * len(tokens), [], {}, False)
        return [word.lstrip("▁") for word in words]

    def _marked(self, tokens: Any, token_probs: Any, **options: Any) -> Any:
        words, probabilities, unforced = self._merge(tokens, token_probs, **options)
        for at in self._staying([str(word) for word in words]):
            probabilities[at] = [1.0] * len(probabilities[at])
        return words, probabilities, unforced

    def _staying(self, words: list[str]) -> set[int]:
        bare = [word.lstrip("▁") for word in words]
        stay = set()
        if self._numbers:
            digits = [any(letter.isdigit() for letter in word) for word in words]
            stay = {at for at, has in enumerate(digits) if has}
            # Where marks are words of their own, the one inside a number goes with it.
            stay |= {
                at
                for at in range(1, len(words) - 1)
                if self._spaceless and bare[at] in JOINTS and digits[at - 1] and digits[at + 1]
            }
        for forced in self._forced:
            length = len(forced)
            for at in range(len(bare) - length + 1):
                if bare[at : at + length] == forced:
                    stay |= set(range(at, at + length))
        return stay
