"""Steps of set-up: which are still to do, in order, and a stamp for each that was done and verified.

A stamp is only a memory. Every start asks the step itself whether what it made is still whole, so a deleted package
or model is noticed, and an interrupted step, having no stamp, is done again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.setup.command import Shell
from app.setup.console import Console
from app.setup.failure import SetupFailure

Facts = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """`digest` covers what the step is made from; `check` says what is wrong with what it made, given its stamp's facts
    (None: whole); `work` does it and returns the facts to remember."""

    name: str
    title: str
    digest: str
    check: Callable[[Facts], str | None]
    work: Callable[[Shell, Facts], Facts]


@dataclass(frozen=True)
class Stamps:
    folder: Path

    def read(self, step: Step) -> tuple[bool, Facts]:
        """Whether the step was done from the same inputs, and the facts of the last time it was done at all."""
        try:
            stamp = json.loads(self._path(step).read_text(encoding="utf-8"))
            return stamp["digest"] == step.digest, dict(stamp["facts"])
        except (OSError, ValueError, KeyError, TypeError):
            return False, {}

    def write(self, step: Step, facts: Facts) -> None:
        """Renamed into place: a stamp is there as a whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self._path(step).with_suffix(".new")
        new.write_text(json.dumps({"digest": step.digest, "facts": facts}, indent=1), encoding="utf-8")
        new.replace(self._path(step))

    def _path(self, step: Step) -> Path:
        return self.folder / f"{step.name}.json"


def digest(*parts: str | Path) -> str:
    """Of strings, files and folders (their files, whatever the order on disk)."""
    total = hashlib.sha256()
    for part in parts:
        for name, content in _contents(part):
            total.update(f"{name}\0{len(content)}\0".encode())
            total.update(content)
    return total.hexdigest()


def _contents(part: str | Path) -> Iterator[tuple[str, bytes]]:
    if isinstance(part, str):
        yield "", part.encode()
    elif part.is_dir():
        for path in sorted(part.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield str(path.relative_to(part)), path.read_bytes()
    else:
        yield part.name, part.read_bytes() if part.exists() else b""


def run_steps(steps: Sequence[Step], stamps: Stamps, shell: Shell) -> int:
    """Does what is not done, and returns how many that were. A SetupFailure names its step."""
    worked = 0
    for number, step in enumerate(steps, start=1):
        same, facts = stamps.read(step)
        problem = step.check(facts) if same else "not done yet"
        if problem is None:
            continue
        worked += 1
        shell.console.start(number, len(steps), step.title)
        own = replace(shell, log=stamps.folder / f"{step.name}.log")
        own.log.parent.mkdir(parents=True, exist_ok=True)
        own.log.write_text(f"{step.title}: {problem}\n", encoding="utf-8")
        try:
            facts = step.work(own, facts)
            left = step.check(facts)
            if left is not None:
                raise SetupFailure(f"It ran without an error, but: {left}.", log=own.log)
        except SetupFailure as failure:
            failure.step = f"step {number} of {len(steps)}, {step.title} (after {shell.console.seconds:.0f} s)"
            raise
        stamps.write(step, facts)
        shell.console.done()
    return worked


@contextmanager
def only_one(folder: Path, console: Console) -> Iterator[int]:
    """Holds the set-up lock: `make studio` and `make test` at once must not install into the same environment."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        waiting = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
                    console.say(f"waiting for another set-up (process {holder}) to finish")
                    waiting = True
                time.sleep(0.2)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)
