"""pip's output as one live line: what is being fetched, how far, and how many packages are in place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_FETCH = re.compile(
    r"^\s*(?:Downloading|Using cached|Processing)\s+(?:\S*/)?(?P<file>[^\s/]+)(?:\s+\((?P<size>[\d.]+ \wB)\))?$"
)
_PERCENT = re.compile(r"^Progress (?P<done>\d+) of (?P<total>\d+)$")
# An index of several parts is asked for every package in each: a warning per package and part says nothing.
_NOISE = re.compile(r"^WARNING: Location '.*' is ignored")


@dataclass
class PipProgress:
    """`total` packages are to come (0: not known); `in_place` counts those that are installed."""

    total: int
    in_place: Callable[[], int]
    _fetched: int = 0
    _text: str = "asking the package index"
    _percent: str = ""
    _unpacking: bool = field(default=False)

    def activity(self, line: str) -> str:
        fetch = _FETCH.match(line)
        percent = _PERCENT.match(line)
        if fetch and not fetch["file"].endswith(".metadata"):
            self._fetched += 1
            name, _, version = fetch["file"].partition("-")
            size = f" ({fetch['size']})" if fetch["size"] else ""
            self._text, self._percent = f"fetching {name} {version.partition('-')[0]}{size}", ""
        elif percent and int(percent["total"]):
            self._percent = f" {100 * int(percent['done']) // int(percent['total'])} %"
        elif line.startswith("Installing collected packages"):
            self._unpacking = True
        if self._unpacking:
            return f"unpacking: {self.in_place()} of {self.total} in place" if self.total else "unpacking"
        return (
            f"{min(self._fetched, self.total)}/{self.total} {self._text}{self._percent}" if self.total else self._text
        )

    def keep(self, line: str) -> bool:
        return bool(line.strip()) and not _PERCENT.match(line) and not _NOISE.match(line)
