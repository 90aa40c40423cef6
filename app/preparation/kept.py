"""What was made of a prompt before, kept by its content: the same prompt is never prepared twice.

One JSON file for each prompt, in a folder for each technique with its settings. A file that cannot be read counts as
not there. Does not decide what belongs to the content; the caller's key does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizers.prompt import Prompt
from optimizers.transform import Change

SCHEMA = 1


class KeptChanges:
    """Changes made by one technique under one `key`, which holds all that they depend on but the prompt."""

    def __init__(self, folder: Path, key: Mapping[str, Any]) -> None:
        self._folder = folder / _digest({"schema": SCHEMA, **key})[:16]

    def get(self, prompt: Prompt) -> Change | None:
        try:
            found = json.loads(self._path(prompt).read_text(encoding="utf-8"))
            return Change(Prompt.from_json(found["prompt"]), float(found["seconds"]), found["figures"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, prompt: Prompt, change: Change) -> None:
        document = {"prompt": change.prompt.to_json(), "seconds": change.seconds, "figures": dict(change.figures)}
        self._write(self._path(prompt), document)

    @property
    def facts(self) -> dict[str, float]:
        """Facts of the work as a whole, the largest of each so far."""
        try:
            return {name: float(value) for name, value in json.loads(self._facts.read_text(encoding="utf-8")).items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def add_facts(self, facts: Mapping[str, float]) -> None:
        known = self.facts
        largest = {name: max(known.get(name, value), value) for name, value in facts.items()}
        self._write(self._facts, {**known, **largest})

    @property
    def _facts(self) -> Path:
        return self._folder / "facts.json"

    def _path(self, prompt: Prompt) -> Path:
        return self._folder / f"prompt-{_digest(prompt.to_json())[:32]}.json"

    def _write(self, path: Path, document: Mapping[str, Any]) -> None:
        """Renamed into place, so that a file is there as a whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        new.replace(path)


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
