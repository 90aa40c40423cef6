"""How a job speaks with Rung: one JSON file in, one JSON line for each step out, then a result.

Libraries print what they like: the real standard output is kept for these lines and theirs goes to the log.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WATCH_S = 1.0


class Reporter:
    def __init__(self, descriptor: int) -> None:
        self._out = os.fdopen(descriptor, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def progress(self, done: int, total: int, what: str) -> None:
        self._say({"done": done, "total": total, "what": what})

    def result(self, facts: dict[str, float], versions: dict[str, str]) -> None:
        self._say({"result": facts, "versions": versions})

    def error(self, text: str) -> None:
        self._say({"error": text})

    def _say(self, line: dict[str, Any]) -> None:
        with self._lock:
            self._out.write(json.dumps(line) + "\n")
            self._out.flush()


Work = Callable[[dict[str, Any], Reporter], tuple[dict[str, float], dict[str, str]]]


def run(work: Work) -> int:
    """Reads the job that the first argument names and does `work`; the exit code. `work` returns facts and versions."""
    reporter = Reporter(os.dup(1))
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    began = time.monotonic()
    try:
        job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        facts, versions = work(job, reporter)
    except Exception as error:
        import traceback

        traceback.print_exc()
        text = str(error).strip().splitlines()
        reporter.error(f"{text[0] if text else 'no message'} ({type(error).__name__})")
        return 1
    facts |= {"seconds": time.monotonic() - began, "peak_memory_bytes": peak_memory_bytes()}
    reporter.result(facts, versions)
    return 0


def peak_memory_bytes() -> float:
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _end_with_parent(parent: int) -> None:
    """Nobody wants the result of a job whose Rung was killed."""
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(3)
