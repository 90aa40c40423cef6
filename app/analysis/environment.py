"""What two runs' manifests say differently: hardware, versions, engine flags, model, load, sampling. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

OF_THE_MOMENT = ("started_at", "engine_id", "schedule", "engine.key")
"""Differ from run to run, or only repeat what other facts say."""
ASKED = "options."
"""What was asked of the engine; what came of it is in its flags."""
DTYPE = f"{ASKED}dtype"

BY_RECIPE = ("recipe", "engine.", "models", "model.served", "price_per_hour")
"""What techniques change of themselves; a price changes no measurement."""


@dataclass(frozen=True)
class Changed:
    """A fact by its place in the manifest (`versions.vllm`); None where a side does not have it."""

    fact: str
    baseline: Any
    candidate: Any


@dataclass(frozen=True)
class Fact:
    """A fact by its place in the manifest, and what each side says of it; None where it says nothing."""

    name: str
    values: tuple[Any, ...]

    @property
    def differs(self) -> bool:
        return any(value != self.values[0] for value in self.values[1:])


def environment_differences(baseline: Mapping[str, Any], candidate: Mapping[str, Any]) -> tuple[Changed, ...]:
    """Only what differs, in the order of the baseline's manifest."""
    return tuple(Changed(each.name, *each.values) for each in configurations((baseline, candidate)) if each.differs)


def configurations(manifests: Sequence[Mapping[str, Any]]) -> tuple[Fact, ...]:
    """Every fact of the manifests, in the order of the first."""
    sides = [dict(_facts(manifest)) for manifest in manifests]
    return tuple(
        Fact(name, tuple(side.get(name) for side in sides))
        for name in dict.fromkeys(name for side in sides for name in side)
        if name not in OF_THE_MOMENT and not name.startswith(ASKED)
    )


def beyond_recipe(baseline: Mapping[str, Any], candidate: Mapping[str, Any]) -> tuple[Changed, ...]:
    """What differs besides the techniques, and so may be the cause of a difference as well: versions, model, load,
    sampling, or what was asked of the engine."""
    asked = [_asked(side) for side in (baseline, candidate)]
    options = [
        Changed(fact, asked[0].get(fact), asked[1].get(fact))
        for fact in dict.fromkeys([*asked[0], *asked[1]])
        if all(asked) and asked[0].get(fact) != asked[1].get(fact)
    ]
    return (
        *(each for each in environment_differences(baseline, candidate) if not each.fact.startswith(BY_RECIPE)),
        *options,
    )


def flag_value(argv: Sequence[str], flag: str) -> str | None:
    """Of `--flag value` or `--flag=value` in an engine's command, None without either."""
    parted = [part for each in argv for part in (each.split("=", 1) if each.startswith("--") else [each])]
    return next((value for name, value in pairwise(parted) if name == flag), None)


def _asked(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """With the data type that came of it, where that was left open: it goes by the processor too."""
    found = dict(_facts(manifest.get("options") or {}, ASKED))
    if found.get(DTYPE) == "auto":
        argv = (manifest.get("engine") or {}).get("argv") or ()
        found[DTYPE] = flag_value(argv, "--dtype") or "auto"
    return found


def _facts(document: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, Mapping) and value:
            yield from _facts(value, f"{place}{name}.")
        else:
            yield f"{place}{name}", value
