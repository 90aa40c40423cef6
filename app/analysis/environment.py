"""What two runs' manifests say differently: hardware, versions, engine flags, model, load, sampling. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

OF_THE_MOMENT = ("started_at", "engine_id", "schedule", "engine.key")
"""Differ from run to run, or only repeat what other facts say."""
ASKED = "options."
"""What was asked of the engine; what came of it is in its flags."""


@dataclass(frozen=True)
class Changed:
    """A fact by its place in the manifest (`versions.vllm`); None where a side does not have it."""

    fact: str
    baseline: Any
    candidate: Any


def environment_differences(baseline: Mapping[str, Any], candidate: Mapping[str, Any]) -> tuple[Changed, ...]:
    """Only what differs, in the order of the baseline's manifest."""
    before, after = dict(_facts(baseline)), dict(_facts(candidate))
    return tuple(
        Changed(fact, before.get(fact), after.get(fact))
        for fact in dict.fromkeys([*before, *after])
        if fact not in OF_THE_MOMENT and not fact.startswith(ASKED) and before.get(fact) != after.get(fact)
    )


def _facts(document: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, Mapping) and value:
            yield from _facts(value, f"{place}{name}.")
        else:
            yield f"{place}{name}", value
