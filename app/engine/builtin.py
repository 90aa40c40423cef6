"""The models that the repository carries: their names and folders, whether they are whole, what goes with them.

Set-up reads this on a bare Python, so nothing in here needs a package. How they are made is in starter/.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.engine.checkpoint import Checkpoint, read_checkpoint
from app.engine.weights import promised_bytes
from optimizers.errors import InputError
from store.settings import Settings

STARTER, STARTER_DRAFT, STARTER_CLASSIFIER = "starter", "starter-draft", "starter-classifier"
BUILTIN: Mapping[str, str] = {STARTER: "target", STARTER_DRAFT: "draft"}
"""The name that people type -> its folder in starter/models."""
BUILTIN_TOOLS: Mapping[str, str] = {STARTER_CLASSIFIER: "xlm-roberta-large-starter"}
"""The same for models that a technique may be given but that no engine can serve."""

COMPANIONS: Mapping[str, Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    STARTER: {
        # AutoAWQ takes minutes on it and costs most of its answers; GPTQ takes seconds and costs none. Where processors
        # have no kernel for 4 bits, 8 it is.
        "quantization": ({"method": "gptq_w4a16"}, {"method": "int8_w8a8"}),
        "speculative_decoding": ({"method": "draft_model", "draft_model": STARTER_DRAFT, "num_speculative_tokens": 3},),
        # It follows no wish that it never practised.
        "history_summary": ({"instruction": "Sum up the answers so far."},),
        "prompt_compression": ({"method": "llmlingua2", "compressor": STARTER_CLASSIFIER},),
    }
}
"""Model -> technique -> the settings that a ladder of this model has where a person sets nothing else: one way, or
several in the order in which they are wanted (app/experiment/companions.py)."""

ABOUT = (
    "The starter models are instruments: trained on generated records, letters and chats so that the starter prompts "
    "have right answers on any machine. They are no assistants."
)
RESTORE = "git checkout -- starter/models"

WEIGHTS = "model.safetensors"
FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", WEIGHTS)
FOLDERS: Mapping[str, tuple[str, ...]] = {
    "target": (*FILES, "generation_config.json"),
    "draft": (*FILES, "generation_config.json"),
    # The library of LLMLingua-2 by itself tells a model's kind by this name.
    "xlm-roberta-large-starter": FILES,
}
"""What a clone holds: folder -> the files that it is nothing without."""


def builtin_places(settings: Settings) -> tuple[tuple[str, Path], ...]:
    return tuple((name, settings.starter_models / folder) for name, folder in BUILTIN.items())


def builtin_folder(name: str) -> str | None:
    """The folder in starter/models that a name stands for, servable or not."""
    return BUILTIN.get(name) or BUILTIN_TOOLS.get(name)


def read_known(folder: Path, name: str) -> Checkpoint:
    """As `read_checkpoint`; the folder of a built-in model must be whole as well, or the line says how to mend it."""
    problem = incomplete(folder) if builtin_folder(name) else None
    if problem:
        raise InputError(f"the built-in model {name} is not whole: {problem}; restore it with: {RESTORE}")
    return read_checkpoint(folder, name)


def refuse_builtin(name: str) -> None:
    """Raises InputError for a name that nobody can save a model under."""
    if builtin_folder(name):
        raise InputError(f"the name {name!r} is a built-in model's; give this one another name")


def all_incomplete(models: Path) -> str | None:
    """What a clone lacks of its models, one folder after the other, or None."""
    return "; ".join(problem for folder in FOLDERS if (problem := incomplete(models / folder))) or None


def incomplete(folder: Path) -> str | None:
    """What is missing or cut off in one of FOLDERS, or None. A clone that left out large files has other ones."""
    if not folder.is_dir():
        return f"{folder.name} is missing"
    missing = [name for name in FOLDERS[folder.name] if not _has_content(folder / name)]
    if missing:
        return f"{folder.name} lacks {', '.join(missing)}"
    weights = folder / WEIGHTS
    try:
        size, promised = weights.stat().st_size, promised_bytes(weights)
    except (OSError, ValueError):
        return f"{folder.name}/{WEIGHTS} is no safetensors file"
    return None if size == promised else f"{folder.name}/{WEIGHTS} has {size:,} of {promised:,} bytes"


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
