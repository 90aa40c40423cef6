"""The environments of the quantizers. Made by `make quantizers`, or by the first order for a checkpoint. Nothing else
needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.setup.tool import ToolEnvironment

PROBES: Mapping[str, str] = {
    "awq": "import torch, transformers; from awq import AutoAWQForCausalLM",
    "llmcompressor": "import torch, transformers; from llmcompressor import oneshot",
}
SOURCE_ONLY: Mapping[str, tuple[str, ...]] = {"awq": ("autoawq",)}
"""Tool -> packages that have no wheel."""
FREE_GIB = 2.5


@dataclass(frozen=True)
class QuantizerEnvironment(ToolEnvironment):
    @staticmethod
    def of(root: Path, tool: str) -> QuantizerEnvironment:
        return QuantizerEnvironment(root, f".venv-{tool}", tool, PROBES[tool], FREE_GIB, SOURCE_ONLY.get(tool, ()))
