"""Everything that decides what the starter model becomes, and one hash of it all.

Imports neither torch nor transformers, so that asking whether a model is up to date takes no time.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

_PACKAGE = Path(__file__).parent
_SOURCES = ("*.py", "sets/*.py", "sets/*.toml", "sets/*.md")


@dataclass(frozen=True)
class Shape:
    """Layer inputs are multiples of 128 and outputs of 64: 4-bit quantizers work on groups of those sizes."""

    hidden: int = 384
    layers: int = 6
    heads: int = 6
    kv_heads: int = 2
    head_size: int = 64
    intermediate: int = 1024
    max_positions: int = 4096


@dataclass(frozen=True)
class Training:
    steps: int = 140
    batch: int = 4
    peak_rate: float = 2e-3
    warmup_steps: int = 15
    context_weight: float = 0.3
    seed: int = 20261123


@dataclass(frozen=True)
class Recipe:
    shape: Shape = field(default_factory=Shape)
    training: Training = field(default_factory=Training)
    tokenizer_rows: int = 128
    practice_chats: int = 256

    def digest(self) -> str:
        """Covers the package's sources too: another grammar or another template makes another model."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode())
        for pattern in _SOURCES:
            for path in sorted(_PACKAGE.glob(pattern)):
                digest.update(path.relative_to(_PACKAGE).as_posix().encode())
                digest.update(path.read_bytes())
        return digest.hexdigest()
