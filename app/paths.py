"""A path that a person typed, where a saved name or a hub id might stand as well."""

from __future__ import annotations

from pathlib import Path


def existing_path(text: str) -> Path | None:
    """The file or folder of that name, ~ replaced; None where there is none, whatever was typed."""
    try:
        path = Path(text).expanduser()
        return path if text and path.exists() else None
    except (OSError, RuntimeError, ValueError):  # a name too long, a home of nobody, a NUL
        return None
