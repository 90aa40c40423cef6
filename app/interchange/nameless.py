"""Takes out of a document what names a machine: its folders, its host name, the hosts that it spoke to. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.reports.portable import Roots, portable

HOST = re.compile(r"\b([a-z][a-z0-9+]*://)(\[[0-9a-fA-F:.]+\]|[\w.-]+)")
OWN = ("127.0.0.1", "localhost", "0.0.0.0", "[::1]")  # noqa: S104 - nothing is bound
ELSEWHERE, MACHINE = "endpoint", "machine"


def nameless(value: Any, roots: Roots, host: str) -> Any:
    """The same JSON value: paths as in reports/portable.py, hosts in addresses as `endpoint`, `host` as `machine`."""
    return _replaced(portable(value, roots), _pattern(host))


def _pattern(host: str) -> re.Pattern[str] | None:
    names = sorted({host, host.partition(".")[0]} - {"", *OWN}, key=len, reverse=True)
    return re.compile(r"(?<![\w.-])(?:" + "|".join(map(re.escape, names)) + r")(?![\w-])") if names else None


def _replaced(value: Any, host: re.Pattern[str] | None) -> Any:
    if isinstance(value, Mapping):
        return {key: _replaced(found, host) for key, found in value.items()}
    if isinstance(value, list):
        return [_replaced(found, host) for found in value]
    if not isinstance(value, str):
        return value
    text = HOST.sub(lambda found: found[1] + (found[2] if found[2] in OWN else ELSEWHERE), value)
    return text if host is None else host.sub(MACHINE, text)
