"""Why a technique cannot be used on a machine, a model and prompts, asked in one place: for ladders that nobody listed,
and for forms that offer what can be used. Knows no technique."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.checkpoint import Checkpoint
from app.engine.named_models import refusal
from optimizers.errors import InputError
from optimizers.prompt import Prompt
from optimizers.registry import techniques
from optimizers.technique import Surroundings


def why_not(
    key: str,
    settings: Mapping[str, Any],
    surroundings: Surroundings,
    served: Checkpoint | None,
    prompts: Sequence[Prompt],
) -> str | None:
    """The reason, or None. `settings` are over the defaults; `served` is None at an endpoint."""
    technique = techniques().get(key)
    try:
        checked = technique.check(settings)
    except InputError as error:
        return technique.unavailable(surroundings) or str(error)
    return (
        technique.unusable(checked, surroundings)
        or (None if served is None else refusal(key, checked, served))
        or technique.idle_on(checked, prompts)
    )
