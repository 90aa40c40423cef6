"""The command line that measures an experiment again, from its specification. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from app.experiment.kinds import KINDS
from optimizers.recipe import Recipe, TechniqueUse
from optimizers.registry import techniques

DEFAULTS = {"max_tokens": 64, "temperature": 0.0, "seed": 0}


def ladder_command(spec: Mapping[str, Any], kind: str, prompt_set: str) -> str | None:
    """`python -m app ladder ...`; None for an experiment that this command cannot make: recipes chosen freely, other
    loads than a number in flight, settings that differ between rungs."""
    load = spec.get("load", {})
    uses = _uses(spec)
    if kind not in KINDS or load.get("kind") != "closed_loop" or uses is None:
        return None
    words = ["python", "-m", "app", "ladder"]
    words += ["--endpoint", spec["endpoint"]] if spec.get("endpoint") else []
    words += ["--model", spec["model"]] if spec.get("model") else []
    words += ["--prompts", prompt_set]
    if spec.get("prompt_limit"):
        words += ["--limit", str(spec["prompt_limit"])]
    if KINDS[kind].option != "cumulative":
        words += ["--kind", KINDS[kind].option]
    words += ["--techniques", ",".join(use.key for use in uses)]
    for use in uses:
        words += _settings(use)
    words += ["--repeats", str(spec["repeats"]), "--concurrency", str(load["concurrency"])]
    if load.get("unbatched", "one_by_one") != "one_by_one":
        words += ["--unbatched", load["unbatched"].replace("_", "-")]
    for name, usual in DEFAULTS.items():
        value = spec.get("sampling", {}).get(name, usual)
        words += [f"--{name.replace('_', '-')}", str(value)] if value != usual else []
    if spec.get("warm_up", 2) != 2:
        words += ["--warm-up", str(spec["warm_up"])]
    if spec.get("price_per_hour") is not None:
        words += ["--price-per-hour", str(spec["price_per_hour"])]
    return shlex.join(words)


def _uses(spec: Mapping[str, Any]) -> list[TechniqueUse] | None:
    """Every technique once, in the order in which the rungs bring it; None where rungs disagree on its settings."""
    found: dict[str, TechniqueUse] = {}
    for rung in spec.get("rungs", ()):
        for use in Recipe.from_json(rung["recipe"]).uses:
            if found.setdefault(use.key, use) != use:
                return None
    return list(found.values()) or None


def _settings(use: TechniqueUse) -> list[str]:
    usual = techniques().get(use.key).check({})
    words: list[str] = []
    for name, value in use.settings.items():
        if value != usual[name]:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            words += ["--set", f"{use.key}.{name}={text}"]
    return words
