"""LLMLingua and LongLLMLingua over one text, with the library's scores put in their place.

llmlingua 0.2.2 keeps a token when the *next* one is surprising: its list of losses begins with the second token and is
laid on the tokens from the first. So of "The courier is Amara." it keeps "is" and drops "Amara". The papers score a
token by its own surprise; so does this, by moving the losses one place. The library also takes its thresholds over what
earlier segments kept, so that it keeps ever less of later segments, and nothing is dropped from the last; here a text
is one segment, as long as the model can read it. `library` leaves all of this as it is.

`words` is our own addition: a word is kept or dropped as a whole, by its most surprising token.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

SEGMENT = 200
"""The library's own size of a segment."""
LONGEST = 2000
FORCED = 10_000.0
"""The loss by which the library itself marks tokens that stay and are left out of its thresholds."""
STEP = 2**18
BROKEN_LETTER = "\N{REPLACEMENT CHARACTER}"
RANKING_WORDS = 40
"""Tokens that the library puts around the question when it ranks documents."""
NUMBER = r"\S*\d\S*?(?=[.,;:!?)\"']*(?:\s|$))"
WORD = re.compile(r"\S+?(?=[.,;:!?)\"']*(?:\s|$))|\S")


@dataclass
class _Marks:
    """What is known of the tokens of the text being compressed. `given` are their losses behind the question."""

    forced: torch.Tensor
    word: torch.Tensor | None
    given: torch.Tensor | None = None

    def by_word(self, losses: torch.Tensor) -> torch.Tensor:
        if self.word is None:
            return losses
        word = self.word[: len(losses)]
        highest = torch.full((int(word.max()) + 1,), float("-inf"), dtype=losses.dtype, device=losses.device)
        return highest.scatter_reduce(0, word, losses, "amax")[word]


class CausalCompressor:
    """`scoring` is tokens, words or library; `contrast` scores words by what the question makes likelier."""

    def __init__(
        self,
        library: Any,
        scoring: str = "tokens",
        contrast: bool = True,
        forced: Sequence[str] = (),
        numbers: bool = False,
    ) -> None:
        self._library, self._scoring, self._contrast = library, scoring, contrast
        kept = [rf"(?<!\w){re.escape(text)}(?!\w)" for text in forced] + ([NUMBER] if numbers else [])
        self._forced = re.compile("|".join(kept)) if kept else None
        self._marks: _Marks | None = None
        if scoring != "library":
            self._scores, library.get_ppl = library.get_ppl, self._placed

    def compress(self, text: str, rate: float, question: str = "") -> str:
        """`question` makes it LongLLMLingua."""
        if self._scoring == "library":
            return self._by_library(text, question, SEGMENT, rate=rate)
        question = question if self._contrast else ""
        pieces, out, done = self._pieces(text, question), [], 0
        for start, end in pieces:
            out += [text[done:start], self._one(text[start:end], rate, question)]
            done = end
        # Tokens of single bytes may lose the rest of their letter.
        return "".join(out).replace(BROKEN_LETTER, "")

    def ranked(self, texts: Sequence[str], question: str) -> list[int]:
        """The places of `texts`, the most relevant first: the likelier the question behind a text, the better."""
        room = self._library.max_position_embeddings - self._length(question) - RANKING_WORDS
        cut = [text[: self._ends(text)[max(room, 1) - 1]] if self._length(text) > room else text for text in texts]
        lengths = [self._length(text) for text in cut]
        found = self._library.get_rank_results(cut, question, "longllmlingua", "after", lengths)
        return [at for at, _ in found]

    def _by_library(self, text: str, question: str, segment: int, **target: float) -> str:
        options: dict[str, Any] = {"use_context_level_filter": False, "iterative_size": segment, **target}
        if question:
            options |= {"question": question, "concate_question": False, "rank_method": "longllmlingua"}
            options |= {"condition_in_question": "after", "condition_compare": self._contrast}
        return str(self._library.compress_prompt([text], **options)["compressed_prompt"])

    def _one(self, text: str, rate: float, question: str) -> str:
        prefix = f"{question}\n\n" if question else ""
        start = self._behind(prefix, text)
        offsets = self._offsets(prefix + text)[start:]
        count = len(offsets)
        if count < 2:
            return text
        spans = [(begin - len(prefix), end - len(prefix)) for begin, end in offsets]
        self._marks = _Marks(self._must_stay(text, spans), self._words(text, spans))
        staying = int(self._marks.forced.sum())
        # The rate is meant over all tokens, and those that stay are outside the library's threshold.
        left = (rate * count - staying) / max(1, count - staying)
        target = max(left, 0.0) * (self._length(text) + 3)
        try:
            return self._by_library(text, question, count, target_token=target)
        finally:
            self._marks = None

    def _behind(self, prefix: str, text: str) -> int:
        """The place of the first token of `text` behind `prefix`."""
        if not prefix:
            return 0
        try:
            return int(self._library.get_prefix_length(prefix, text))
        except AssertionError:
            raise ValueError(
                "the compressor's tokenizer does not give texts back letter by letter, so the question cannot stand "
                "before them; set prompt_compression.contrast=false"
            ) from None

    def _placed(
        self, text: str, granularity: str = "sentence", input_ids: Any = None, *args: Any, **options: Any
    ) -> Any:
        """The library's `get_ppl`, where the loss at a place is that of the token at that place."""
        found = self._scores(text, granularity, input_ids, *args, **options)
        if granularity != "token" or self._marks is None:
            return found
        marks, (losses, cache) = self._marks, found
        losses = torch.cat([losses.max()[None], losses[:-1]])
        before = input_ids.shape[1] - len(marks.forced)
        stays = marks.forced[: len(losses) - before]
        if before:
            # A loss of exactly 0 would make the library drop a token of the question and lose its place.
            losses = losses.clamp(min=1 / STEP)
            # Rounded so that sums and differences are exact and equal scores stay equal.
            marks.given = ((losses[before:] * STEP).round() / STEP).masked_fill(stays, 0.0)
            return torch.cat([losses[:before], marks.given]), cache
        if marks.given is None:
            return marks.by_word(losses).masked_fill(stays, FORCED), cache
        gains = marks.by_word(((losses - marks.given) * STEP).round() / STEP)
        return marks.given + gains.masked_fill(stays, FORCED), cache

    def _must_stay(self, text: str, spans: Sequence[tuple[int, int]]) -> torch.Tensor:
        """The first token has nothing before it to be judged by, and stays."""
        stays = torch.zeros(len(spans), dtype=torch.bool, device=self._library.device)
        stays[0] = True
        for found in self._forced.finditer(text) if self._forced else ():
            for at, (begin, end) in enumerate(spans):
                stays[at] |= begin < found.end() and found.start() < end
        return stays

    def _words(self, text: str, spans: Sequence[tuple[int, int]]) -> torch.Tensor | None:
        """The number of each token's word. Space that is a token of its own goes with the word after it: without it
        the word would be glued to the one before."""
        if self._scoring != "words":
            return None
        found = list(WORD.finditer(text))
        of_letter, start = [len(found)] * len(text), 0
        for number, word in enumerate(found):
            of_letter[start : word.end()] = [number] * (word.end() - start)
            start = word.end()
        return torch.tensor(
            [of_letter[min(end - 1, begin + _space(text[begin:end]))] for begin, end in spans],
            device=self._library.device,
        )

    def _pieces(self, text: str, question: str) -> list[tuple[int, int]]:
        """Where `text` is cut so that the model can read each piece: at a line's or sentence's end where there is one.
        The space between pieces belongs to none."""
        positions = self._library.max_position_embeddings
        room = (positions - self._length(question) - 8) // 2 if question else positions - 8
        if room < 50:
            raise ValueError(f"the question leaves no room in the {positions:,} tokens that the compressor reads")
        pieces, start, ends = [], 0, self._ends(text)
        first = 0
        while len(ends) - first > min(room, LONGEST):
            limit = ends[first + min(room, LONGEST) - 1]
            cut = next(
                (at for mark in ("\n", ". ", " ") if (at := text.rfind(mark, (start + limit) // 2, limit)) > 0),
                limit - 1,
            )
            pieces.append((start, cut + 1))
            start = cut + 1
            first = next(at for at, end in enumerate(ends) if end > start)
        pieces.append((start, len(text)))
        trimmed = [(start + len(text[start:end]) - len(text[start:end].lstrip()), end) for start, end in pieces]
        return [(start, start + len(text[start:end].rstrip())) for start, end in trimmed if text[start:end].strip()]

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        encoded = self._library.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return [(begin, end) for begin, end in encoded["offset_mapping"]]

    def _ends(self, text: str) -> list[int]:
        return [end for _, end in self._offsets(text)]

    def _length(self, text: str) -> int:
        return int(self._library.get_token_length(text, False))


def _space(text: str) -> int:
    return len(text) - len(text.lstrip())
