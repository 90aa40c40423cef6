"""`python -m app.engine.peak_probe bfloat16`: what this processor multiplies and copies in a second, as one JSON line.

A process of its own, since it loads torch and takes all cores for a second. The best of a few tries: a peak is what the
hardware can do, not what it did beside other programs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import perf_counter

SIDE = 2048
COPIED = 1 << 27
TRIES = 5


def main(dtype: str) -> None:
    import torch

    left = torch.ones(SIDE, SIDE, dtype=getattr(torch, dtype))
    source, copy = torch.ones(COPIED, dtype=torch.uint8), torch.zeros(COPIED, dtype=torch.uint8)
    multiplying = best(lambda: left @ left)
    copying = best(lambda: copy.copy_(source))
    print(json.dumps({"flops_per_s": 2 * SIDE**3 / multiplying, "bytes_per_s": 2 * COPIED / copying}))


def best(do: Callable[[], object]) -> float:
    """Seconds of the fastest try."""
    found = []
    for _ in range(TRIES):
        began = perf_counter()
        do()
        found.append(perf_counter() - began)
    return min(found)


if __name__ == "__main__":
    main(sys.argv[1])
