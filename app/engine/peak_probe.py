"""`python -m app.engine.peak_probe bfloat16`: what this processor multiplies and copies in a second, as one JSON line.

A process of its own, since it loads torch and takes all cores for a second. The best of a few tries: a peak is what the
hardware can do, not what it did beside other programs. A processor without instructions for a type takes a
thousand times as long as another, so matrices grow until one product takes long enough to be timed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from time import perf_counter

LEAST_SIDE, MOST_SIDE = 128, 2048
ENOUGH_S = 0.05
COPIED = 1 << 27
TRIES = 5


def main(dtype: str) -> None:
    import torch

    def multiply(side: int) -> float:
        square = torch.ones(side, side, dtype=getattr(torch, dtype))
        return best(lambda: square @ square)

    side, seconds = product_for(multiply)
    source, copy = torch.ones(COPIED, dtype=torch.uint8), torch.zeros(COPIED, dtype=torch.uint8)
    copying = best(lambda: copy.copy_(source))
    print(json.dumps({"flops_per_s": 2 * side**3 / seconds, "bytes_per_s": 2 * COPIED / copying}))


def product_for(multiply: Callable[[int], float]) -> tuple[int, float]:
    """The smallest side of a product that takes ENOUGH_S, or the largest there is, and its seconds, which `multiply`
    gives."""
    side = LEAST_SIDE
    while (seconds := multiply(side)) < ENOUGH_S and side < MOST_SIDE:
        side *= 2
    return side, seconds


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
