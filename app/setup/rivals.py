"""The environment of aiperf, a client that Rung's is held beside. Made by `make rivals` and `make bench`; nothing else
needs it. vLLM's `bench serve`, the other one, comes with the engine.
"""

from __future__ import annotations

from pathlib import Path

from app.setup.tool import ToolEnvironment

FREE_GIB = 1.5


def aiperf(root: Path) -> ToolEnvironment:
    return ToolEnvironment(root, ".venv-aiperf", "aiperf", "import aiperf.cli, transformers", FREE_GIB)
