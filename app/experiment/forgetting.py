"""Takes a model's name out of the store, and where Rung itself made the checkpoint, its files too."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from app.engine.builtin import BUILTIN
from optimizers.errors import InputError
from store.engines import ALIVE
from store.settings import Settings
from store.store import Store
from store.tables import ModelRow


@dataclass(frozen=True)
class Forgettable:
    """`made_here` is the folder that may go with the name, None where the files are somebody else's; `bytes` is what it
    holds. `experiments` were measured with the model and cannot be repeated without it."""

    name: str
    made_here: Path | None
    bytes: int
    experiments: int


def forgettable(store: Store, settings: Settings, name: str) -> Forgettable:
    """What forgetting the model would mean. Raises InputError where it cannot be forgotten, or not now."""
    if name in BUILTIN:
        raise InputError(f"{name} comes with Rung and stays")
    rows = store.models.all()
    row = next((row for row in rows if row.name == name), None)
    if row is None:
        known = ", ".join(each.name for each in rows) or "none"
        raise InputError(f"there is no saved model {name!r}; saved are: {known}")
    waiting = [str(each.id) for each in store.experiments.unfinished() if each.spec.get("model") == name]
    if waiting:
        raise InputError(f"experiment {waiting[0]} runs with {name} or waits to; cancel it first")
    engine = store.engines.latest("person")
    lives = engine is not None and engine.status in ALIVE and store.workers.alive()
    if engine is not None and lives and engine.spec.get("model") == name:
        raise InputError(f"an engine serves {name}; stop it first")
    folder = _made_here(settings, row, rows)
    size = 0 if folder is None else sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Forgettable(name, folder, size, store.experiments.with_model(name))


def forget(store: Store, settings: Settings, name: str, files: bool = False) -> Forgettable:
    """Forgets the name, and with `files` deletes the checkpoint. Raises InputError as `forgettable` does, and where
    files are asked for that Rung did not make."""
    found = forgettable(store, settings, name)
    if files and found.made_here is None:
        raise InputError(f"the files of {name} were not made by Rung, or serve another name too: they stay")
    store.models.remove(name)
    if files and found.made_here is not None:
        shutil.rmtree(found.made_here, ignore_errors=True)
    return found


def _made_here(settings: Settings, row: ModelRow, rows: list[ModelRow]) -> Path | None:
    folder = Path(row.location)
    shared = any(other.location == row.location for other in rows if other.name != row.name)
    inside = folder.parent.resolve() == settings.quantized_models.resolve()
    return folder if inside and folder.is_dir() and not shared else None
