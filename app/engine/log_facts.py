"""Which lines of an engine's log tell what it loaded and how: kernels, quantization, bytes and seconds. Pure."""

from __future__ import annotations

import re
from pathlib import Path

from app.engine.log_cause import PREFIX

TELLING = re.compile(
    r"\b(?:Using|Selected) \w*Kernel\w* for |Loading weights took|Model loading took|to store kv cache|"
    r"[Qq]uantiz|scaling factor",
)
LONGEST, MOST = 240, 40
HEAD_BYTES = 1 << 20
"""Weights are loaded at the start; what follows are requests."""


def telling_lines(log: str) -> tuple[str, ...]:
    """Each once, in order, without process ids and times. Lines that list the whole configuration say nothing."""
    found: dict[str, None] = {}
    for raw in log.splitlines():
        line = PREFIX.sub("", raw).strip()
        if len(line) <= LONGEST and TELLING.search(line):
            found.setdefault(line)
    return tuple(found)[:MOST]


def read_telling_lines(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as stream:
            return telling_lines(stream.read(HEAD_BYTES).decode(errors="replace"))
    except OSError:
        return ()
