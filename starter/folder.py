"""A model folder that is either whole or absent: built beside its place, then renamed into it.

Knows nothing about models; it keeps a record of the recipe and of each file's size.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RECORD = "rung-starter.json"
SCHEMA = "rung.starter/1"
_OURS = {
    RECORD,
    "README.md",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
}


class FolderError(Exception):
    """The target cannot be used; the message says why and what to do."""


def is_complete(folder: Path, recipe: str) -> bool:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if record["schema"] != SCHEMA or record["recipe"] != recipe:
            return False
        return all((folder / name).stat().st_size == size for name, size in record["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def check_replaceable(folder: Path) -> None:
    """Only what this program writes may be replaced, whole or half; a stranger's folder is left alone."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise FolderError(f"{folder} is a file; give --out the name of a folder")
    strangers = sorted(
        path.name for path in folder.iterdir() if path.name not in _OURS and path.suffix != ".safetensors"
    )
    if strangers:
        raise FolderError(f"{folder} holds other files ({strangers[0]}); give --out a new or empty folder")


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """One maker at a time for each target. The lock dies with its process, so it never has to be cleaned up."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def replacing(folder: Path, recipe: str, details: dict[str, object]) -> Iterator[Path]:
    """Yields an empty folder to fill; on success it takes `folder`'s place, otherwise nothing stays behind.

    Call it inside `exclusive`: whatever an earlier, killed maker left is removed.
    """
    draft, old = (folder.parent / f".{folder.name}.{word}" for word in ("draft", "old"))
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        yield draft
        files = {path.name: path.stat().st_size for path in sorted(draft.iterdir())}
        record = {"schema": SCHEMA, "recipe": recipe, **details, "files": files}
        (draft / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
