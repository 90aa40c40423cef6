"""The command lines that measure an experiment again and compare its runs, from its specification. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.analysis.sweep import Slo
from app.analysis.trade_off import Limits
from app.engine.plan import AUTO, EngineOptions
from app.experiment.kinds import KINDS
from app.experiment.sweep_loads import KIND as SWEEP
from app.replay.load import RATED, LoadProfile
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
    words = _begin("ladder", spec, prompt_set)
    if KINDS[kind].option != "cumulative":
        words += ["--kind", KINDS[kind].option]
    words += ["--techniques", ",".join(use.key for use in uses)]
    for use in uses:
        words += _settings(use)
    words += ["--repeats", str(spec["repeats"]), "--concurrency", str(load["concurrency"])]
    if load.get("unbatched", "one_by_one") != "one_by_one":
        words += ["--unbatched", load["unbatched"].replace("_", "-")]
    return shlex.join([*words, *_rest(spec)])


def measuring_commands(
    spec: Mapping[str, Any], kind: str, prompt_set: str, slo: Slo | None, run_ids: Iterable[int]
) -> list[str]:
    """The one command that measures an experiment again, or one for each of its finished runs where there is none."""
    command = sweep_command(spec, prompt_set, slo) if kind == SWEEP else ladder_command(spec, kind, prompt_set)
    return [command] if command else [repeat_command(run_id) for run_id in run_ids]


def sweep_command(spec: Mapping[str, Any], prompt_set: str, slo: Slo | None) -> str | None:
    """`python -m app sweep ...`; None for loads that this command cannot make."""
    loads = [LoadProfile.from_json(rung["load"]) for rung in spec.get("rungs", ()) if rung.get("load")]
    uses = _uses(spec) or []
    kinds = {(load.kind, load.history) for load in loads}
    if len(kinds) != 1:
        return None
    ((kind, history),) = kinds
    words = _begin("sweep", spec, prompt_set)
    words += ["--techniques", ",".join(use.key for use in uses)] if uses else []
    for use in uses:
        words += _settings(use)
    if kind in RATED:
        words += ["--rates", ",".join(f"{load.rate:g}" for load in loads)]
        words += ["--arrivals", "constant"] if kind == "constant_rate" else []
    elif kind == "closed_loop":
        words += ["--concurrencies", ",".join(str(load.concurrency) for load in loads)]
    else:
        return None
    words += ["--history", history] if history != "live" else []
    words += ["--slo", str(slo)] if slo else []
    return shlex.join([*words, "--repeats", str(spec["repeats"]), *_rest(spec)])


def repeat_command(run_id: int) -> str:
    """`python -m app repeat RUN` in a store that holds the run."""
    return f"python -m app repeat {run_id}"


def compare_command(keys: Sequence[str], limits: Limits | None = None) -> str:
    """`python -m app compare ...` for the same runs in a store that holds them."""
    words = ["--limits", str(limits)] if limits is not None and limits.any else []
    return shlex.join(["python", "-m", "app", "compare", *keys, *words])


def _begin(command: str, spec: Mapping[str, Any], prompt_set: str) -> list[str]:
    words = ["python", "-m", "app", command]
    words += ["--endpoint", spec["endpoint"]] if spec.get("endpoint") else []
    words += ["--model", spec["model"]] if spec.get("model") else []
    words += ["--prompts", prompt_set]
    return [*words, "--limit", str(spec["prompt_limit"])] if spec.get("prompt_limit") else words


def _rest(spec: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    for name, usual in DEFAULTS.items():
        value = spec.get("sampling", {}).get(name, usual)
        words += [f"--{name.replace('_', '-')}", str(value)] if value != usual else []
    if spec.get("warm_up", 2) != 2:
        words += ["--warm-up", str(spec["warm_up"])]
    if spec.get("price_per_hour") is not None:
        words += ["--price-per-hour", str(spec["price_per_hour"])]
    return words + _engine(EngineOptions.from_json(spec.get("engine") or {}))


def _engine(options: EngineOptions) -> list[str]:
    words: list[str] = []
    if options.max_model_len is not None:
        words += ["--max-model-len", str(options.max_model_len)]
    if options.kv_cache_gib is not None:
        words += ["--kv-cache-gib", f"{options.kv_cache_gib:g}"]
    if options.dtype != AUTO:
        words += ["--dtype", options.dtype]
    if options.trust_remote_code:
        words.append("--trust-remote-code")
    return words + [f"--engine-arg={each}" for each in options.extra_args]


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
