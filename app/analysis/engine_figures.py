"""What the engine's own counters and gauges say of a run, as metrics. Pure.

Names are vLLM's. A figure is None where the engine does not show what it is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optimizers.prefix_caching import HITS, PREEMPTIONS, QUERIES
from optimizers.speculative_decoding import ACCEPTED, DRAFTED, DRAFTS

QUEUED, PREFILL, DECODE = (f"vllm:request_{part}_time_seconds" for part in ("queue", "prefill", "decode"))


def engine_figures(
    delta: Mapping[str, float] | None, running: Sequence[float], kv_usage: Sequence[float]
) -> dict[str, float | None]:
    """`delta` is the growth of the counters over the run, None without engine metrics; the other two are readings of
    gauges at equal intervals, `kv_usage` as a share from 0 to 1.

    queue_time_ms: mean over requests. prefix_hit_percent: of the prompt tokens looked up. acceptance_percent: of the
    drafted tokens; acceptance_length: tokens for each verified step, 1 + accepted / drafts. prefill_percent: of the
    time that requests spent being computed, prefill and decode together. idle_percent: of the readings that found no
    request running.
    """
    found = delta or {}
    # A counter that did not grow is not part of the delta.
    seen = None if delta is None else 0.0
    drafts = found.get(DRAFTS, 0.0)
    return {
        "queue_time_ms": _share(found.get(f"{QUEUED}_sum", 0.0), found.get(f"{QUEUED}_count", 0.0), 1000),
        "running_batch": sum(running) / len(running) if running else None,
        "kv_usage_percent": 100 * sum(kv_usage) / len(kv_usage) if kv_usage else None,
        "kv_usage_peak_percent": 100 * max(kv_usage) if kv_usage else None,
        "preemptions": found.get(PREEMPTIONS, seen),
        "prefix_hit_percent": _share(found.get(HITS, 0.0), found.get(QUERIES, 0.0), 100),
        "acceptance_percent": _share(found.get(ACCEPTED, 0.0), found.get(DRAFTED, 0.0), 100),
        "acceptance_length": 1 + found.get(ACCEPTED, 0.0) / drafts if drafts else None,
        "prefill_percent": _share(
            found.get(f"{PREFILL}_sum", 0.0), found.get(f"{PREFILL}_sum", 0.0) + found.get(f"{DECODE}_sum", 0.0), 100
        ),
        "idle_percent": 100 * sum(value == 0 for value in running) / len(running) if running else None,
    }


def _share(part: float, whole: float, scale: float) -> float | None:
    return scale * part / whole if whole else None
