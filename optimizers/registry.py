"""The one door for techniques: built-ins and third parties register the same way.

A package adds a technique by naming it in the entry point group `rung.techniques`; the entry point loads to a
Technique instance or class. Conflicts between techniques are data on the techniques, checked here and only here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points

from optimizers.context_selection import ContextSelection
from optimizers.continuous_batching import ContinuousBatching
from optimizers.errors import InputError
from optimizers.history_summary import HistorySummary
from optimizers.prefix_caching import PrefixCaching
from optimizers.prompt_compression import PromptCompression
from optimizers.quantization import Quantization
from optimizers.speculative_decoding import SpeculativeDecoding
from optimizers.technique import Technique

ENTRY_POINT_GROUP = "rung.techniques"
BUILT_IN: tuple[type[Technique], ...] = (
    Quantization,
    PrefixCaching,
    ContinuousBatching,
    SpeculativeDecoding,
    ContextSelection,
    HistorySummary,
    PromptCompression,
)


class Registry:
    """Techniques by key, in the order they registered, which is the order of a ladder by default."""

    def __init__(self) -> None:
        self._techniques: dict[str, Technique] = {}

    def register(self, technique: Technique | type[Technique]) -> None:
        instance = technique() if isinstance(technique, type) else technique
        if instance.key in self._techniques:
            raise ValueError(f"a technique with the key {instance.key!r} is already registered")
        self._techniques[instance.key] = instance

    def get(self, key: str) -> Technique:
        try:
            return self._techniques[key]
        except KeyError:
            known = ", ".join(self._techniques)
            raise InputError(f"there is no technique {key!r}; known techniques: {known}") from None

    def all(self) -> tuple[Technique, ...]:
        return tuple(self._techniques.values())

    def keys(self) -> tuple[str, ...]:
        return tuple(self._techniques)

    def conflict(self, keys: Iterable[str]) -> str | None:
        """Why these techniques cannot be used together, or None. Either side may declare it."""
        chosen = list(keys)
        for key in chosen:
            for other, reason in self.get(key).conflicts.items():
                if other in chosen:
                    return f"{key} and {other} cannot be used together: {reason}"
        return None


@cache
def techniques() -> Registry:
    """The registry with built-ins and installed third-party techniques."""
    registry = Registry()
    for built_in in BUILT_IN:
        registry.register(built_in)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        registry.register(entry.load())
    return registry
