"""Changing prompts before they are sent: what a technique may ask of Rung meanwhile, and what it gives back.

The techniques of a recipe change its prompts in a fixed order, whatever the order of the recipe: what is left out
first need not be summarised, and what is summarised first need not be compressed. Pure; the work itself, its cache and
its bill are in app/preparation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from optimizers.prompt import Prompt

SELECTING, SUMMARISING, COMPRESSING = 10, 20, 30
"""Places in the order of prompt techniques; a third party may take a number between."""


@dataclass(frozen=True)
class Worked:
    """What a process of its own gave back. `seconds` and `peak_memory_bytes` are the process's, its start included."""

    result: Any
    seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Reply:
    """What the served model answered outside the measured requests, and what that took."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float


class Tools(Protocol):
    """What a technique may use while it changes prompts. All of it can be cancelled."""

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the served model's tokenizer."""

    async def work(self, module: str, task: Mapping[str, Any]) -> Worked:
        """Runs `python -m module` with `task` as one JSON line on its standard input.

        Its standard output has one JSON line for each piece of progress, `{"done": int, "total": int}`, and a last one,
        `{"result": ...}` or `{"error": "one clear line"}`. Raises InputError with the latter.
        """

    async def ask(self, messages: Sequence[Mapping[str, str]], max_tokens: int) -> Reply:
        """Asks the served model at temperature 0. Only where the technique `asks_the_model`."""

    def progress(self, done: int, total: int) -> None:
        """Says how far the work on the prompts has come."""


@dataclass(frozen=True)
class Change:
    """A prompt as a technique leaves it, in `seconds` of machine time.

    `figures` are summed over the prompts into what the evidence sees, so they are counts, not shares.
    """

    prompt: Prompt
    seconds: float = 0.0
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Changed:
    """Every prompt in its order. `facts` hold for the work as a whole, such as the memory it took; where prompts were
    changed in several goes, the largest of each counts."""

    changes: tuple[Change, ...]
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class PromptFigures:
    """What one technique did to the prompts of a run: for its evidence.

    Tokens are the served model's, over all prompts, before and after this technique. `seconds` is what is charged for
    it. `figures` are the sums and the facts that the technique gave.
    """

    prompts: int
    changed: int
    tokens_before: int
    tokens_after: int
    seconds: float
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def kept(self) -> float:
        """Share of the tokens that is left; 1 where there were none."""
        return self.tokens_after / self.tokens_before if self.tokens_before else 1.0

    def to_json(self) -> dict[str, Any]:
        return {
            "prompts": self.prompts,
            "changed": self.changed,
            "tokens_before": self.tokens_before,
            "tokens_after": self.tokens_after,
            "seconds": self.seconds,
            "figures": dict(self.figures),
        }

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> PromptFigures:
        return PromptFigures(**document)
