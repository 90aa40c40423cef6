"""Keeps the interpreter's own housekeeping out of the stamps while a replay runs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_INTERVAL_S = 0.0005
"""How long another thread may keep the interpreter from the event loop; Python's own 5 ms would show up in TTFT."""
NEVER = 1_000_000


@contextmanager
def quiet_interpreter() -> Iterator[None]:
    """Threads take shorter turns, and what is loaded by now is left out of garbage collection: going through all of it
    takes a tenth of a second or more in a process with a tokenizer. Young objects are collected as always."""
    interval_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*thresholds[:2], NEVER)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
