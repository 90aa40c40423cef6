"""Looks at a checkpoint folder before an engine does: is it a model, how big, what does it need.

Does not load weights and does not reach the hub (hub.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.engine.kv_layout import KvLayout, kv_layout
from app.engine.weights import Weights, missing_shards, read_weights
from optimizers.draft_heads import is_head, text_config
from optimizers.errors import InputError

WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.gguf")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json", "*.tiktoken")
SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in a local folder. `fingerprint` changes when a file's size, name or either end changes."""

    name: str
    folder: Path
    config: Mapping[str, Any]
    weight_bytes: int
    has_chat_template: bool
    fingerprint: str

    @property
    def max_length(self) -> int | None:
        """Longest context in tokens, or None when the config does not say."""
        for key in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
            value = self._text_config.get(key)
            if isinstance(value, int) and value > 0:
                return value
        return None

    @property
    def quantized_bits(self) -> int | None:
        """Bits of a packed weight, None where there is none or where config.json does not tell."""
        settings = self.config.get("quantization_config")
        if not isinstance(settings, Mapping):
            return None
        groups = settings.get("config_groups")
        group = next(iter(groups.values()), None) if isinstance(groups, Mapping) else None
        weights = group.get("weights") if isinstance(group, Mapping) else None
        named = weights.get("num_bits") if isinstance(weights, Mapping) else None
        found = named or settings.get("bits") or settings.get("w_bit")
        return found if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= 8 else None

    def read_weights(self) -> Weights | None:
        """What the headers of its files say of its tensors; None where they cannot be read or do not tell."""
        try:
            found = read_weights(self.folder, self.quantized_bits)
        except (OSError, ValueError):
            return None
        return found if found is not None and found.numbers else None

    @property
    def kv_layout(self) -> KvLayout:
        return kv_layout(self.config)

    @property
    def kv_bytes_per_token(self) -> int | None:
        """Keys and values of one token in 16 bits, in all layers; None where config.json does not tell."""
        numbers = self.kv_layout.numbers_per_token
        return 2 * numbers if numbers else None

    @property
    def vocab_size(self) -> int | None:
        """Tokens that the model has an output for, or None when the config does not say."""
        size = self._text_config.get("vocab_size")
        return size if isinstance(size, int) and size > 0 else None

    @property
    def architecture(self) -> str:
        names = self.config.get("architectures") or [self.config.get("model_type", "unknown")]
        return str(names[0])

    @property
    def quantization(self) -> str | None:
        settings = self.config.get("quantization_config")
        return str(settings.get("quant_method")) if isinstance(settings, Mapping) else None

    @property
    def _text_config(self) -> Mapping[str, Any]:
        return text_config(self.config)


def read_checkpoint(folder: Path, name: str | None = None) -> Checkpoint:
    """Raises InputError that says which file is missing or broken, and what a model folder holds."""
    folder = folder.expanduser().resolve()
    if not folder.exists():
        raise InputError(f"model {folder}: there is no such folder; check the path")
    if not folder.is_dir():
        raise InputError(f"model {folder} is a file; name the folder that holds config.json and the weights")
    config = _json_file(folder / "config.json", folder)
    if not isinstance(config, dict) or not (config.get("architectures") or config.get("model_type")):
        raise InputError(f"model {folder}: config.json names no architecture, so no engine can load it")
    weights = sorted(path for pattern in WEIGHTS for path in folder.glob(pattern) if path.is_file())
    if not weights:
        raise InputError(f"model {folder} holds config.json but no weights (*.safetensors or *.bin)")
    missing = missing_shards(folder)
    if missing:
        raise InputError(f"model {folder} is not whole: {missing[0]} of its weights is missing; download it again")
    # A drafting head speaks with the tokenizer of the model that it drafts for.
    if not is_head(config) and not any(any(folder.glob(pattern)) for pattern in TOKENIZERS):
        raise InputError(f"model {folder} holds no tokenizer (tokenizer.json or tokenizer.model)")
    return Checkpoint(
        name=name or folder.name,
        folder=folder,
        config=config,
        weight_bytes=sum(path.stat().st_size for path in weights),
        has_chat_template=_has_chat_template(folder),
        fingerprint=_fingerprint([folder / "config.json", *weights]),
    )


def _json_file(path: Path, folder: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"model {folder} is no model folder: it has no {path.name}; name a folder with config.json, "
            "a tokenizer and weights"
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"model {folder}: {path.name} cannot be read ({error})") from None


def _has_chat_template(folder: Path) -> bool:
    if any((folder / name).exists() for name in ("chat_template.jinja", "chat_template.json")):
        return True
    path = folder / "tokenizer_config.json"
    config = _json_file(path, folder) if path.exists() else None
    return isinstance(config, dict) and bool(config.get("chat_template"))


def _fingerprint(paths: list[Path]) -> str:
    """Hashing whole weights would take minutes for a large model; both ends tell versions apart."""
    digest = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}\n".encode())
        with path.open("rb") as stream:
            digest.update(stream.read(SAMPLE_BYTES))
            stream.seek(max(0, size - SAMPLE_BYTES))
            digest.update(stream.read(SAMPLE_BYTES))
    return digest.hexdigest()
