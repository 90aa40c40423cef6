"""Documents for other people: no folder of this machine in them, and no password of an address. Pure.

A path under the studio's home or its program becomes relative to it (`RUNG_HOME/models/quantized/x`,
`RUNG/starter/models/target`), any other keeps its last name, which for a checkpoint is what people call it. That is
what is needed to repeat a run elsewhere. Paths of Windows are not looked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from app.words import without_password

Roots = Mapping[str, Path]
"""What stands for a folder -> that folder; the first that fits counts."""
INSIDE_TEXT = re.compile(r"(?<![\w./~-])/(?:[^\s/\"'=,:;()<>]+/)+[^\s/\"'=,:;()<>]*")
ROUTES = ("/v1/",)
"""What looks like a path and is an address on a server."""


def portable(value: Any, roots: Roots) -> Any:
    """The same JSON value with every absolute path in its texts shortened."""
    if isinstance(value, Mapping):
        return {key: portable(found, roots) for key, found in value.items()}
    if isinstance(value, list | tuple):
        return [portable(found, roots) for found in value]
    return _text(value, roots) if isinstance(value, str) else value


def _text(text: str, roots: Roots) -> str:
    text = without_password(text)
    if "/" not in text:
        return text
    if text.startswith("/") and "\n" not in text and not text.startswith(ROUTES):
        return _path(text, roots) if ":/" not in text else INSIDE_TEXT.sub(lambda found: _path(found[0], roots), text)
    if text.startswith("{"):
        try:
            return json.dumps(portable(json.loads(text), roots))
        except ValueError:
            pass
    name, equals, rest = text.partition("=")
    if equals and rest.startswith("/") and name.startswith("-"):
        return f"{name}={_text(rest, roots)}"
    return INSIDE_TEXT.sub(lambda found: _path(found[0], roots), text)


def _path(text: str, roots: Roots) -> str:
    if text.startswith(ROUTES):
        return text
    path = PurePosixPath(text)
    for name, folder in roots.items():
        if path.is_relative_to(folder):
            return str(PurePosixPath(name) / path.relative_to(folder))
    return path.name or text
