"""Words for counts and techniques, the same in pages, tables and on the command line. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from optimizers.registry import techniques

CREDENTIALS = re.compile(r"(?<=://)[^\s/\"'<>]+@")


def count_of(count: int, thing: str) -> str:
    """`3 engine starts`, `1 engine start`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def in_sentence(title: str) -> str:
    """A title inside a sentence: small first letter, abbreviations left as they are."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def listed(names: list[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def title_of(key: str) -> str:
    """A technique's title; its key where it was measured with and is no longer installed."""
    return next((technique.title for technique in techniques().all() if technique.key == key), key)


def recorded_on(spec: Mapping[str, Any]) -> str:
    """`Recorded on AMD EPYC, 2 cores, 24 GiB, 2026-11-25`, by an experiment's specification; empty for one of one's
    own."""
    mark = spec.get("recorded")
    return f"Recorded on {mark['machine']}, {mark['date']}" if mark else ""


def without_password(text: str) -> str:
    """Addresses without the name and password before their host."""
    return CREDENTIALS.sub("", text)
