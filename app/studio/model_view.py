"""Models and the person's engine, as the Models page tabulates and names them.

Reads checkpoints from disk; starts nothing: an engine is asked for in the store and launched by the worker.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

from app.analysis.metric import MISSING
from app.engine.builtin import BUILTIN, builtin_places, read_known, refuse_builtin
from app.engine.checkpoint import Checkpoint, read_checkpoint
from app.engine.fit_words import amount
from app.engine.hardware import Hardware
from app.engine.hub import HUB_ID, cached
from app.engine.memory_fit import GIB
from app.engine.process import tail
from app.engine.weights import Weights
from app.paths import existing_path
from app.preparation.checkpoints import FACTS_FILE
from app.views.wording import duration, without_folders
from optimizers.errors import InputError
from optimizers.registry import techniques
from optimizers.technique import Surroundings, Technique
from store.engines import ALIVE
from store.settings import Settings
from store.store import Store
from store.tables import EngineRow

LOG_LINES = 40
FACTS = ("Architecture", "Parameters", "Weights", "Data type", "Context", "KV cache", "Chat template")


@dataclass(frozen=True)
class KnownModel:
    """`problem` says why the checkpoint cannot be used; `checkpoint` is None then. `weights` is None where the files
    do not tell; `source` is where it comes from: built in, hub, folder or made here."""

    name: str
    checkpoint: Checkpoint | None
    weights: Weights | None
    problem: str | None
    source: str = "folder"

    @property
    def parameters(self) -> int | None:
        return None if self.weights is None else self.weights.numbers


def model_places(store: Store, settings: Settings) -> tuple[tuple[str, str], ...]:
    """(name, location) of the built-in models and of what people have saved."""
    built_in = ((name, str(folder)) for name, folder in builtin_places(settings))
    return (*built_in, *((row.name, row.location) for row in store.models.all()))


def look_at(places: Iterable[tuple[str, str]]) -> list[KnownModel]:
    """Reads each checkpoint's files; asks no hub."""
    return [_known(name, location) for name, location in places]


def add_folder(store: Store, location: str, name: str) -> str:
    """Saves a folder under a name after looking at it; the name. Raises InputError."""
    path = Path(location.strip()).expanduser()
    checkpoint = read_checkpoint(path)
    chosen = name.strip() or checkpoint.name
    refuse_builtin(chosen)
    return store.models.add(chosen, str(path.resolve())).name


def is_hub_id(location: str) -> bool:
    """Whether a person's words name a model on a hub: of that form, and no folder here."""
    return bool(HUB_ID.match(location.strip())) and existing_path(location.strip()) is None


def model_row(model: KnownModel, shared: bool = False) -> dict[str, Any]:
    """`shared` leaves folders out of what is wrong."""
    found = model.checkpoint
    if found is None:
        problem = model.problem or MISSING
        state = without_folders(problem) if shared else problem
        return {"Model": model.name, "From": model.source, **dict.fromkeys(FACTS, MISSING), "State": state}
    kv = found.kv_bytes_per_token
    return {
        "Model": model.name,
        "From": model.source,
        "Architecture": found.architecture,
        "Parameters": MISSING if model.parameters is None else millions(model.parameters),
        "Weights": amount(found.weight_bytes),
        "Data type": data_type(model),
        "Context": MISSING if found.max_length is None else f"{found.max_length:,} tokens",
        "KV cache": MISSING if kv is None else f"{kv / 1024:,.1f} KiB a token",
        "Chat template": "yes" if found.has_chat_template else "no",
        "State": "usable",
    }


def data_type(model: KnownModel) -> str:
    """`BF16`; for quantized weights how they were made and how many bits they have, then what else is in the files."""
    found, weights = model.checkpoint, model.weights
    if found is None:
        return MISSING
    if found.quantization:
        bits = found.quantized_bits
        return found.quantization + (f", {bits} bits" if bits else "")
    if weights is None or not weights.bytes_by_type:
        return MISSING
    total = sum(weights.bytes_by_type.values())
    return ", ".join(name for name, size in weights.bytes_by_type.items() if size >= 0.01 * total) or MISSING


def model_cards(places: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """(name, the first paragraph of its model card) of those built-in models that are here."""
    found = ((name, card_summary(Path(location))) for name, location in places if name in BUILTIN)
    return [(name, text) for name, text in found if text]


def card_summary(folder: Path) -> str:
    """The first paragraph of a folder's README.md after metadata and headings, on one line; empty without one."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    if card.startswith("---\n"):
        card = card.partition("\n---\n")[2]
    paragraphs = (" ".join(part.split()) for part in card.split("\n\n"))
    return next((text for text in paragraphs if text and not text.startswith("#")), "")


def millions(count: int) -> str:
    return f"{count / 1e9:,.1f} B" if count >= 1e9 else f"{count / 1e6:,.1f} M"


def engine_techniques(surroundings: Surroundings) -> list[Technique]:
    """Those that change how an engine is launched, as they are set by default."""
    return [
        technique
        for technique in techniques().all()
        if technique.unavailable(surroundings) is None
        and technique.engine_flags(technique.check({})) != technique.engine_flags(None)
    ]


def has_chat_template(models: Iterable[KnownModel], row: EngineRow | None) -> bool:
    """Whether the engine's model has one; taken to be so where the model is not known."""
    named = row.spec.get("model") if row is not None else None
    return next((m.checkpoint.has_chat_template for m in models if m.name == named and m.checkpoint), True)


def engine_state(row: EngineRow | None, worker_alive: bool) -> str:
    """The engine's state as it is, not as a worker that has died left it."""
    if row is None:
        return "stopped"
    if row.status in ALIVE and not worker_alive:
        return "interrupted"
    return "stopping" if row.stop_requested and row.status in ALIVE else row.status


def is_live(state: str) -> bool:
    return state in ("requested", "starting", "ready", "stopping")


def uptime(row: EngineRow) -> str:
    end = row.stopped_at or time()
    return MISSING if row.ready_at is None else duration(max(end - row.ready_at, 0))


def log_tail(row: EngineRow | None, lines: int = LOG_LINES) -> str:
    if row is None or not row.log_path:
        return ""
    return "\n".join(tail(Path(row.log_path)).splitlines()[-lines:])


def hardware_facts(hardware: Hardware) -> list[tuple[str, str]]:
    gpus = [f"{gpu.name}, {gpu.memory_bytes / GIB:.0f} GiB, driver {gpu.driver}" for gpu in hardware.gpus]
    return [
        ("Engines run on", "GPU" if hardware.gpus else "CPU (no NVIDIA GPU was found)"),
        *(("GPU", text) for text in gpus),
        ("Processor", f"{hardware.cpu}, {hardware.cores} cores"),
        ("Memory", f"{hardware.memory_bytes / GIB:.1f} GiB"),
        ("Instructions", ", ".join(hardware.cpu_features) or MISSING),
    ]


def _known(name: str, location: str) -> KnownModel:
    source = _source(name, location)
    try:
        checkpoint = read_known(_folder(location), name)
    except InputError as error:
        return KnownModel(name, None, None, str(error), source)
    return KnownModel(name, checkpoint, checkpoint.read_weights(), None, source)


def _source(name: str, location: str) -> str:
    if name in BUILTIN:
        return "built in"
    if (Path(location) / FACTS_FILE).is_file():
        return "made here"
    return "hub" if is_hub_id(location) else "folder"


def _folder(location: str) -> Path:
    if not is_hub_id(location):
        return Path(location)
    found = cached(location)
    if found is None:
        raise InputError(f"{location} is no longer in the hub's cache here; it is downloaded when it is used")
    return found
