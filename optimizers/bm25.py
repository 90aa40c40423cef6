"""How well documents answer a question by the words that they share: BM25, by the library bm25s.

The form of BM25 is Lucene's, whose word weights stay above zero: among the few documents of one prompt most words of a
question stand in more than half of them, where the classic weights turn negative and rank backwards.

Each word of a question counts once, and the commonest English ones not at all: so few documents cannot tell that "the"
means little. Words are what white space and marks part, so a text in Chinese or Japanese is one long word. No stems.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Sequence

# A number keeps its inner marks: 48.20 is one word, and not the 48 of another amount.
_WORD = re.compile(r"\d+(?:[.,:]\d+)+|\w+")


def words(text: str) -> list[str]:
    """Words and numbers, lower-cased."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def load() -> None:
    """Loads the library, which can take seconds, so that no prompt is charged for it."""
    import bm25s  # noqa: F401

    # It sets itself to DEBUG and would write a line for every prompt to whatever log the program has.
    logging.getLogger("bm25s").setLevel(logging.WARNING)


def scores(question: str, documents: Sequence[str]) -> list[float]:
    """One for each document, higher is better; all 0 where no document holds a word of the question."""
    import bm25s

    corpus = [words(document) for document in documents]
    known = {word for document in corpus for word in document}
    common = {*bm25s.stopwords.STOPWORDS_EN}
    asked = [word for word in dict.fromkeys(words(question)) if word in known and word not in common]
    if not asked:
        return [0.0] * len(documents)
    index = bm25s.BM25(method="lucene", dtype="float64")
    index.index(corpus, show_progress=False)
    return [float(score) for score in index.get_scores(asked)]
