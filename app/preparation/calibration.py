"""The text that shows a quantizer the model at work, and the text held out to see what it cost. Pure but for the
tokenizer that is passed in.

A quantizer learns from them how large activations get; it does not learn answers. Still the measured prompts are not
used unless a person asks for them, so that what is measured stays unseen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.prompts.prompt import Prompt, PromptSet

PIECE_TOKENS = 512
HELD_OUT_PIECES = 16
HELD_OUT_EVERY = 4
CHOICES = ("multi-turn", "support-desk")
"""Built-in sets in the order in which they are taken: the first that is not measured."""

Tokenize = Callable[[Prompt], Sequence[int]]
Piece = tuple[int, ...]


@dataclass(frozen=True)
class CalibrationText:
    """`pieces` are token numbers, all of the same length; `held_out` is from other conversations of the same set."""

    prompt_set: str
    pieces: tuple[Piece, ...]
    held_out: tuple[Piece, ...]

    @property
    def content_hash(self) -> str:
        return hashlib.sha256(json.dumps([self.pieces, self.held_out]).encode()).hexdigest()


def default_set(measured: str | None) -> str:
    return next(name for name in CHOICES if name != measured)


def calibration_text(
    prompt_set: PromptSet, tokenize: Tokenize, samples: int, piece_tokens: int = PIECE_TOKENS
) -> CalibrationText:
    """Every fourth conversation is held out, whole. A set with little text gives fewer, or shorter, pieces."""
    conversations: dict[str, list[Prompt]] = {}
    for prompt in prompt_set.prompts:
        conversations.setdefault(prompt.conversation or prompt.id, []).append(prompt)
    # The longest prompt of a conversation holds the turns of all others.
    texts = [max((tuple(tokenize(prompt)) for prompt in each), key=len) for each in conversations.values()]
    shown = [text for at, text in enumerate(texts) if at % HELD_OUT_EVERY != HELD_OUT_EVERY - 1]
    hidden = [text for at, text in enumerate(texts) if at % HELD_OUT_EVERY == HELD_OUT_EVERY - 1]
    stream = [token for text in shown for token in text]
    length = min(piece_tokens, len(stream))
    pieces = [
        tuple(stream[start : start + length]) for start in range(0, len(stream) - length + 1, length or 1) if length
    ]
    held_out = [text[start : start + piece_tokens] for text in hidden for start in range(0, len(text), piece_tokens)]
    return CalibrationText(prompt_set.name, tuple(pieces[:samples]), tuple(held_out[:HELD_OUT_PIECES]))
