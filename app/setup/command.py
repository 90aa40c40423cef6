"""Runs one command of a step: output into the step's log, a live line for the person, a reason when it fails."""

from __future__ import annotations

import os
import queue
import re
import shlex
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.setup.console import Console
from app.setup.failure import SetupFailure, explain

EXPLAIN_LINES = 400
SHOWN_LINES = 8

# These would make the environment's Python or pip act on another place.
_UNWANTED = {
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONDONTWRITEBYTECODE",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
}


@dataclass(frozen=True)
class Line:
    """`fleeting`: ended by a carriage return, as the states of a progress bar are."""

    text: str
    fleeting: bool = False


@dataclass(frozen=True)
class Shell:
    """Where commands run and where they are logged.

    `held` is the lock's descriptor: every command inherits it, so that the lock lasts as long as a command that
    outlives a killed set-up.
    """

    root: Path
    log: Path
    console: Console
    held: tuple[int, ...] = ()

    def run(
        self,
        argv: Sequence[str],
        activity: Callable[[str], str] = str.strip,
        keep: Callable[[str], bool] = bool,
        extra_env: Mapping[str, str] | None = None,
    ) -> None:
        """Raises SetupFailure with the cause. `activity` turns a line (or "", once a second) into the live line, and
        `keep` says which lines belong in the log."""
        env = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
        env |= {"PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1", **(extra_env or {})}
        tail: deque[str] = deque(maxlen=EXPLAIN_LINES)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {shlex.join(argv)}\n")

            def take(line: str) -> None:
                tail.append(line)
                log.write(line + "\n")

            code = self._run(argv, env, activity, lambda line: take(line) if keep(line) else None)
        if code != 0:
            why, remedy = explain(tail, code)
            raise SetupFailure(why, remedy, self.log, distinct(tail)[-SHOWN_LINES:])

    def _run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        activity: Callable[[str], str],
        take: Callable[[str], None],
    ) -> int:
        try:
            process = subprocess.Popen(
                argv,
                cwd=self.root,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=self.held,
            )
        except OSError as error:
            take(f"ERROR: {argv[0]}: {error.strerror}")
            return 127
        assert process.stdout is not None
        lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
        reader.start()
        shown = ""
        try:
            while True:
                try:
                    line = lines.get(timeout=1.0)
                except queue.Empty:
                    line = Line("", fleeting=True)
                if line is None:
                    return process.wait()
                shown = activity(line.text) or shown
                self.console.activity(shown)
                if not line.fleeting:
                    take(line.text)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            reader.join(timeout=5.0)
            if not reader.is_alive():  # else a grandchild still holds the pipe
                process.stdout.close()


def distinct(lines: Iterable[str], same: int = 30) -> list[str]:
    """Of lines that begin alike and follow each other, as five retries do, the last."""
    kept: list[str] = []
    for line in lines:
        if kept and kept[-1][:same] == line[:same]:
            kept.pop()
        kept.append(line)
    return kept


def _read(stream: IO[bytes], lines: queue.SimpleQueue[Line | None]) -> None:
    rest = b""
    while chunk := os.read(stream.fileno(), 65536):
        *ended, rest = re.split(rb"(\r\n|\r|\n)", rest + chunk)
        for text, end in zip(ended[::2], ended[1::2], strict=True):
            lines.put(Line(text.decode(errors="replace"), fleeting=end == b"\r"))
    if rest:
        lines.put(Line(rest.decode(errors="replace")))
    lines.put(None)
