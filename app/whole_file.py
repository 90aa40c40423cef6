"""Writes a file so that nobody ever finds half of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from optimizers.errors import InputError


def write_whole(path: Path, content: bytes) -> None:
    """Under another name first, on the disk before it is renamed. Raises InputError where it cannot be written."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise InputError(f"--out {path} cannot be written ({error.strerror or error})") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
