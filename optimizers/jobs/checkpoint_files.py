"""The files of a checkpoint beside its weights: what an older transformers can read of them, and what is kept."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any

WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf", ".pth", ".safetensors.index.json", ".bin.index.json")
NOT_KEPT = ("README.md", "config.json")


def readable_copy(source: Path, folder: Path) -> Path:
    """The source with a config.json that transformers 4 and 5 both understand; the other files are links."""
    folder.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_file() and path.name != "config.json":
            (folder / path.name).symlink_to(path.resolve())
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(older_names(config), indent=2), encoding="utf-8")
    return folder


def older_names(config: dict[str, Any]) -> dict[str, Any]:
    """transformers 5 writes the rotary base under another name, and version 4 would quietly take its default."""
    config = dict(config)
    rope = config.get("rope_parameters")
    if isinstance(rope, dict) and "rope_theta" in rope:
        config.setdefault("rope_theta", rope["rope_theta"])
        if rope.get("rope_type", "default") != "default":
            scaling = {name: value for name, value in rope.items() if name != "rope_theta"}
            config.setdefault("rope_scaling", scaling)
    if "dtype" in config:
        config.setdefault("torch_dtype", config["dtype"])
    return config


def finish(source: Path, folder: Path) -> None:
    """Tokenizer and generation settings as the source has them, and its config.json with what the quantizer adds."""
    added = json.loads((folder / "config.json").read_text(encoding="utf-8"))["quantization_config"]
    for path in folder.iterdir():
        if path.name.endswith(WEIGHTS):
            path.chmod(0o644)  # the libraries write them for their owner alone
        elif path.is_file():
            path.unlink()
    for path in source.iterdir():
        if path.is_file() and path.name not in NOT_KEPT and not path.name.endswith(WEIGHTS):
            shutil.copy(path, folder / path.name)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = added
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def weight_bytes(folder: Path) -> float:
    return float(sum(path.stat().st_size for path in folder.glob("*.safetensors")))


def unquantized_bytes(folder: Path) -> float:
    """Bytes of weights that stay in 16 or 32 bits: embeddings, norms, what a quantizer leaves out."""
    total = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        for name, entry in header.items():
            if name.endswith((".weight", ".bias")) and entry["dtype"] in ("F32", "F16", "BF16"):
                start, end = entry["data_offsets"]
                total += end - start
    return float(total)
