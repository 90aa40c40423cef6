"""What a built-in model brings along for a technique on this machine. Knows no technique."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.engine.builtin import COMPANIONS
from app.engine.hardware import detect_hardware
from optimizers.registry import techniques

Settings = Mapping[str, Any]


def companion_settings(model: str | None) -> Mapping[str, Settings]:
    """Technique -> the settings that it has where a person sets nothing else. Of several ways, the first that can be
    used here; where none can, the first, whose reason is then told."""
    return {key: _first_usable(key, ways) for key, ways in COMPANIONS.get(model or "", {}).items()}


def machine_decides(key: str, model: str | None) -> bool:
    """Whether what the model brings along for a technique may be another elsewhere."""
    return len(COMPANIONS.get(model or "", {}).get(key, ())) > 1


def _first_usable(key: str, ways: tuple[Settings, ...]) -> Settings:
    if len(ways) == 1:
        return ways[0]
    technique, surroundings = techniques().get(key), detect_hardware().surroundings()
    usable = (way for way in ways if technique.unusable(technique.check(way), surroundings) is None)
    return next(usable, ways[0])
