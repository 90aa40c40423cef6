"""Why a technique is left out on a machine, a model and prompts where nobody asked for it by name: in ladders that
nobody listed, and in forms at first. Knows no technique.

Asked for by name, a technique whose tool is not installed yet installs it; unasked, nobody waits minutes for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.checkpoint import Checkpoint
from app.engine.named_models import refusal
from app.preparation.quantizers import TITLES, is_installed
from optimizers.checkpoint_order import CheckpointOrder
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
        or refusal(key, checked, served)
        or technique.idle_on(checked, prompts)
        or _waits_for_a_tool(technique.checkpoint_order(checked))
    )


def _waits_for_a_tool(order: CheckpointOrder | None) -> str | None:
    if order is None or is_installed(order.tool):
        return None
    return f"{TITLES[order.tool]} is not installed yet; make quantizers installs it, and so does asking for it by name"
