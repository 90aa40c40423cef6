"""The family's folder in the repository, and a model folder in it that is either whole or absent."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODELS = Path(__file__).parent / "models"


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yields an empty folder to fill; on success it takes `folder`'s place, otherwise nothing has changed."""
    draft, old = (folder.parent / f".{folder.name}.{word}" for word in ("draft", "old"))
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
