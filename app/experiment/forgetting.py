"""Takes a model's name out of the store, and where Rung itself made the checkpoint, its files too."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.background.jobs import all_jobs
from app.background.quantize import KIND as QUANTIZE
from app.engine.builtin import BUILTIN
from optimizers.errors import InputError
from store.engines import ALIVE
from store.settings import Settings
from store.store import Store
from store.tables import ModelRow


@dataclass(frozen=True)
class Forgettable:
    """`made_here` is the folder that may go with the name, None where the files are somebody else's; `bytes` is what it
    holds. `experiments` name the model, and cannot be repeated without it."""

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
    words = {name, row.location}
    waiting = next((each.id for each in store.experiments.unfinished() if words & _named_in(each.spec)), None)
    if waiting is not None:
        raise InputError(f"experiment {waiting} runs with {name} or waits to; cancel it first")
    engine = store.engines.latest("person")
    lives = engine is not None and engine.status in ("requested", *ALIVE) and store.workers.alive()
    if engine is not None and lives and engine.spec.get("model") in words:
        raise InputError(f"an engine serves {name}; stop it first")
    folder = _made_here(settings, row, rows)
    size = 0 if folder is None else sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Forgettable(name, folder, size, sum(bool(words & _named_in(spec)) for spec in store.experiments.specs()))


def forget(store: Store, settings: Settings, name: str, files: bool = False) -> Forgettable:
    """Forgets the name, and with `files` deletes the checkpoint. Raises InputError as `forgettable` does, and where
    files are asked for that Rung did not make or that may be in use; the name then stays as well."""
    found = forgettable(store, settings, name)
    if files:
        _delete(store, settings, found)
    store.models.remove(name)
    return found


def _delete(store: Store, settings: Settings, found: Forgettable) -> None:
    if found.made_here is None:
        raise InputError(f"the files of {found.name} were not made by Rung, or serve another name too: they stay")
    # A recipe that makes a checkpoint finds the one that is there by its content, under whatever name.
    if store.experiments.unfinished() or any(job.is_live for job in all_jobs(settings, QUANTIZE)):
        raise InputError("files are deleted while no experiment runs or waits and nothing is quantized; try it then")
    try:
        shutil.rmtree(found.made_here)
    except OSError as error:
        why = error.strerror or "not a plain folder"
        raise InputError(f"the files of {found.name} cannot be deleted ({why}); the name stays too") from None


def _named_in(spec: Mapping[str, Any]) -> set[str]:
    """The model of an experiment, and whatever its recipes' settings say in words."""
    uses = [use for rung in spec.get("rungs", ()) for use in rung.get("recipe", ())]
    said = [value for use in uses for value in use.get("settings", {}).values()]
    return {text for text in (spec.get("model"), *said) if isinstance(text, str)}


def _made_here(settings: Settings, row: ModelRow, rows: list[ModelRow]) -> Path | None:
    folder = Path(row.location)
    shared = any(other.location == row.location for other in rows if other.name != row.name)
    inside = folder.parent.resolve() == settings.quantized_models.resolve()
    return folder if inside and folder.is_dir() and not shared else None
