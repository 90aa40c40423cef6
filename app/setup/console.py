"""What a person sees while set-up works: one line a step, live on a terminal, sparse in a log file."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

QUIET_SECONDS = 15.0  # between two progress lines where lines cannot be overwritten


@dataclass
class Console:
    out: TextIO = field(default_factory=lambda: sys.stdout)
    _head: str = ""
    _started: float = 0.0
    _shown: float = 0.0

    @property
    def _live(self) -> bool:
        return self.out.isatty()

    def say(self, text: str) -> None:
        self._clear()
        print(text, file=self.out, flush=True)

    def start(self, number: int, total: int, title: str) -> None:
        self._head = f"[{number}/{total}] {title}"
        self._started = self._shown = time.monotonic()
        if self._live:
            self.activity("")
        else:
            self.say(self._head)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def activity(self, text: str) -> None:
        line = f"{self._head}  {self.seconds:.0f} s  {text}".rstrip()
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self.out.write("\r\x1b[K" + line[:width])
            self.out.flush()
        elif text and time.monotonic() - self._shown >= QUIET_SECONDS:
            self._shown = time.monotonic()
            self.say(line)

    def done(self, detail: str = "") -> None:
        self.say(f"{self._head}  done in {self.seconds:.1f} s" + (f"  {detail}" if detail else ""))

    def _clear(self) -> None:
        if self._live:
            self.out.write("\r\x1b[K")
