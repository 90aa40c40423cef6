"""What the Lab shows as URL parameters and back, so that a link opens the same Lab in another browser.

The recipe is one parameter of compact JSON, technique -> the settings that are not what its form shows at first; what
is as everybody finds it is left out. A link may come from anywhere: what it names and is not there is told, not obeyed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.engine.plan import DTYPES
from app.experiment.companions import companion_settings, machine_decides
from app.replay.load import MAX_RATE
from app.studio.new_experiment import FIRST_PROMPTS, OFFERED, Choice, There
from optimizers.errors import InputError
from optimizers.recipe import Recipe
from optimizers.registry import techniques

LOAD_KINDS = ("closed_loop", "poisson", "constant_rate", "as_recorded", "static_batches")
ENGINE_AND_SAMPLING = ("max_tokens", "temperature", "warm_up", "max_model_len", "kv_cache_gib", "dtype")
FIRST: Mapping[str, Any] = {
    "repeats": 3, "limit": FIRST_PROMPTS, "concurrency": 8, "rate": 2.0, "load": "closed_loop",
    "unbatched": "one_by_one", "baseline": True, "varied": "closed_loop", "loads": "1, 2, 4, 8",
    "slo": "", "price": None, **{field: getattr(Choice, field) for field in ENGINE_AND_SAMPLING},
}  # fmt: skip
"""What the Lab shows where nobody chose anything else."""
NUMBERS: Mapping[str, tuple[float, float]] = {
    "repeats": (1, 20), "limit": (1, 10**9), "concurrency": (1, 4096), "rate": (0.01, MAX_RATE),
    "price": (0.0, 10_000.0), "max_tokens": (1, 10**6), "temperature": (0.0, 5.0), "warm_up": (0, 1000),
    "max_model_len": (1, 10**8), "kv_cache_gib": (0.01, 10_000.0),
}  # fmt: skip
WHOLE = frozenset({"repeats", "limit", "concurrency", "max_tokens", "warm_up", "max_model_len"})
WORDS: Mapping[str, Sequence[str]] = {
    "kind": tuple(OFFERED),
    "load": LOAD_KINDS,
    "unbatched": ("one_by_one", "static", "as_sent"),
    "varied": LOAD_KINDS[:3],
    "dtype": DTYPES,
}
PARAMETERS: Mapping[str, str] = {
    "kind": "kind", "model": "serve", "prompts": "send", "limit": "first", "repeats": "repeats", "load": "load",
    "rate": "rate", "concurrency": "in_flight", "unbatched": "unbatched", "baseline": "baseline", "varied": "vary",
    "loads": "loads", "slo": "limits", "price": "hardware_usd_per_hour",
    **{field: field for field in ENGINE_AND_SAMPLING},
}  # fmt: skip
"""Field of a choice -> its name in the URL, which no other page uses."""
RECIPE = "recipe"
LONGEST_LIST = 300


def first_settings(key: str, model: str) -> dict[str, Any]:
    """What a technique's form shows at first: what the model brings along, over the defaults."""
    brought = companion_settings(model).get(key, {})
    return {setting.name: brought.get(setting.name, setting.default) for setting in techniques().get(key).settings}


def to_query(choice: Choice) -> dict[str, str]:
    """The parameters, in the order in which a person would say them."""
    found = {"kind": choice.kind, "serve": choice.model, "send": choice.prompts}
    for field, parameter in PARAMETERS.items():
        value = getattr(choice, field)
        if field in FIRST and value is not None and value != FIRST[field]:
            found[parameter] = f"{value:g}" if isinstance(value, float) else str(value)
    found[RECIPE] = json.dumps(_changed(choice), separators=(",", ":"), ensure_ascii=False)
    return found


def from_query(query: Mapping[str, str], otherwise: Choice, there: There) -> tuple[Choice, tuple[str, ...]]:
    """The choice that a link stands for, and a line for each part of it that could not be had; `otherwise` stands in
    for what it does not say."""
    problems: list[str] = []
    found: dict[str, Any] = {}
    for field, parameter in PARAMETERS.items():
        if parameter in query:
            try:
                found[field] = _read(field, query[parameter], there)
            except InputError as error:
                problems.append(f"{error}; {_shown(getattr(otherwise, field))} is shown instead")
    choice = replace(otherwise, **found)
    if "limit" not in found and choice.prompts != otherwise.prompts:
        choice = replace(choice, limit=FIRST["limit"])
    choice = replace(choice, limit=min(choice.limit, there.sets[choice.prompts]))
    if RECIPE not in query:
        return choice, tuple(problems)
    uses = _read_recipe(query[RECIPE], choice.model, problems)
    return replace(choice, techniques=tuple(uses), settings=uses), tuple(problems)


def with_recipe(choice: Choice, recipe: Recipe) -> Choice:
    """The choice with another recipe on, as it is."""
    uses = {use.key: use.settings for use in recipe.uses}
    return replace(choice, techniques=tuple(uses), settings=uses)


def _changed(choice: Choice) -> dict[str, dict[str, Any]]:
    """What is not shown at first. Where the machine decides what is, a link says all that makes up the technique, so
    that it stands for the same elsewhere."""
    found = {}
    for key in choice.techniques:
        first, given = first_settings(key, choice.model), choice.settings_of(key)
        told = companion_settings(choice.model)[key] if machine_decides(key, choice.model) else {}
        found[key] = {
            name: given[name] for name in first if name in given and (name in told or given[name] != first[name])
        }
    return found


def _read(field: str, text: str, there: There) -> Any:
    if field in ("model", "prompts"):
        known = there.models if field == "model" else list(there.sets)
        if text not in known:
            what = "model" if field == "model" else "prompt set"
            raise InputError(f"the link names the {what} {text!r}, which is not here")
        return text
    if field in WORDS:
        return _one_of(field, text)
    if field == "baseline":
        return text != "False"
    if field in ("loads", "slo"):
        if len(text) > LONGEST_LIST:
            raise InputError(f"the link's {PARAMETERS[field]} are too many")
        return text
    return _number(field, text)


def _one_of(field: str, text: str) -> str:
    if text in WORDS[field]:
        return text
    raise InputError(f"the link's {PARAMETERS[field]} is {text!r}, but can be: {', '.join(WORDS[field])}")


def _number(field: str, text: str) -> int | float:
    low, high = NUMBERS[field]
    whole = field in WHOLE
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise InputError(f"the link's {PARAMETERS[field]} is {text!r}, but must be from {low:g} to {high:g}")
    return value


def _read_recipe(text: str, model: str, problems: list[str]) -> dict[str, dict[str, Any]]:
    """Technique -> its whole settings, in the link's order, without what is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not all(isinstance(given, dict) for given in document.values()):
        problems.append("the link's recipe cannot be read; nothing is on")
        return {}
    uses: dict[str, dict[str, Any]] = {}
    for key, given in document.items():
        try:
            settings = {setting.name: setting for setting in techniques().get(key).settings}
            uses[key] = first_settings(key, model)
            for name, value in given.items():
                if name not in settings:
                    raise InputError(f"{key} has no setting {name!r}")
                uses[key][name] = settings[name].check(value, key)
        except InputError as error:
            problems.append(f"the link's recipe: {error}")
    return uses


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
