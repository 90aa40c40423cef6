"""The figures of the Live page: the newest readings of the running run, each with its last two minutes. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.analysis.metric import BY_TAG, MISSING
from app.experiment.live_file import READINGS, LiveRun, Reading
from app.studio.live import Live
from app.views.wording import duration

WINDOW_S = 10.0
"""Rates are over so many seconds."""
FRESH_S = 10.0
"""Older readings are not what is going on now."""
DROP_S = 3.0
"""A first reading later than this is not a run's first: older ones have been dropped."""


Trail = tuple[tuple[float, float], ...]
"""(seconds since the run began, value), oldest first."""


@dataclass(frozen=True)
class Figure:
    """`trail` is empty where there is nothing to draw; it is drawn from 0 to `top`, or to its own highest value.
    `peak` is that value in words, `below` a further word under the figure."""

    label: str
    value: str
    help: str
    trail: Trail = ()
    top: float | None = None
    peak: str = ""
    below: str = ""


def now_readings(found: LiveRun | None, live: Live, now: float) -> tuple[Reading, ...]:
    """Those of the run that the store says is running; none where they are another's, or old. `now` as `time()`."""
    if found is None or live.run_id is None or found.run_id != live.run_id or now - found.written_at > FRESH_S:
        return ()
    return found.readings


def figures(readings: Sequence[Reading], live: Live) -> tuple[Figure, ...]:
    """Always the same ones in the same order; what cannot be known is an en dash."""
    return (
        _figure(
            "requests_per_s", rates(readings, lambda reading: reading.answered),
            f"Answered requests per second, over the last {WINDOW_S:.0f} s.",
        ),
        _figure(
            "output_tokens_per_s", rates(readings, lambda reading: reading.output_tokens),
            f"Output tokens per second over the last {WINDOW_S:.0f} s, by the engine's count as they are written; "
            "without engine metrics, those of the requests that ended.",
        ),
        _count("Running", _trail(readings, lambda reading: reading.running), "Requests in the engine's batch now."),
        _count("Waiting", _trail(readings, lambda reading: reading.waiting), "Requests in the engine's queue now."),
        _figure(
            "kv_usage_percent", _trail(readings, lambda reading: _percent(reading.kv_usage, 1)),
            "Share of the KV cache that running requests hold now.", "KV cache",
        ),
        _figure(
            "prefix_hit_percent", _trail(readings, lambda reading: _percent(reading.hits, reading.queries)),
            "Of the prompt tokens looked up since this run began, those that the prefix cache served.",
        ),
        _figure(
            "acceptance_percent", _trail(readings, lambda reading: _percent(reading.accepted, reading.drafted)),
            "Of the tokens drafted since this run began, those that the model accepted.",
        ),
        _figure(
            "preemptions", _trail(readings, lambda reading: reading.preemptions),
            "Requests of this run that lost their place for want of KV cache.",
        ),
        _figure(
            "power_w", power_w(readings),
            "By the hardware's own counters over the last seconds, other programs included; – where none can be read.",
        ),
        _cost(live),
    )  # fmt: skip


def moment_sentence(readings: Sequence[Reading], live: Live) -> str:
    """What the figures are of, or why there are none."""
    if not readings:
        if live.status == "queued":
            return "Figures come once its requests are sent."
        return "No figures now: they are there while a run's requests are sent, not while an engine starts or warms up."
    newest = readings[-1]
    ended = f"{newest.answered:,} answered"
    if newest.failed:
        ended += f", {newest.failed:,} failed"
    told = "" if newest.running is not None else " This endpoint shows no engine metrics: only the client's figures."
    return f"This run: {duration(newest.at_s)}, {ended}. Lines are the last {READINGS} s, from 0 up.{told}"


def rates(readings: Sequence[Reading], count: Callable[[Reading], float]) -> Trail:
    """Growth per second of a count over the WINDOW_S before each reading, or since the run began."""
    points = [(reading.at_s, count(reading)) for reading in readings]
    if points and points[0][0] <= DROP_S:
        points.insert(0, (0.0, 0.0))
    times = [at for at, _ in points]
    found = []
    for number in range(1, len(points)):
        (until, after), first = points[number], min(bisect_left(times, times[number] - WINDOW_S), number - 1)
        since, before = points[first]
        if until > since:
            found.append((until, (after - before) / (until - since)))
    return tuple(found)


def power_w(readings: Sequence[Reading]) -> Trail:
    """Between one reading of the energy counters and the next, every few seconds."""
    known = [reading for reading in readings if reading.joules is not None]
    return tuple(
        (after.at_s, ((after.joules or 0.0) - (before.joules or 0.0)) / (after.watched_s - before.watched_s))
        for before, after in pairwise(known)
        if after.watched_s > before.watched_s
    )


def _figure(tag: str, trail: Trail, text: str, label: str = "") -> Figure:
    metric = BY_TAG[tag]
    top = 100.0 if metric.unit == "%" else None
    peak = metric.format(max(value for _, value in trail)) if trail else ""
    return Figure(label or metric.title, metric.format(trail[-1][1] if trail else None), text, trail, top, peak)


def _count(label: str, trail: Trail, text: str) -> Figure:
    values = [value for _, value in trail]
    shown = [f"{value:,.0f}" for value in (values[-1], max(values))] if values else [MISSING, ""]
    return Figure(label, shown[0], text, trail, peak=shown[1])


def _cost(live: Live) -> Figure:
    help_text = "Price per hour of the hardware x time since this experiment began, engine starts included."
    if live.price_per_hour is None or live.seconds is None:
        return Figure("Cost so far", MISSING, f"{help_text} – without a price.")
    spent = live.price_per_hour * live.seconds / 3600
    return Figure("Cost so far", f"${spent:,.4f}", help_text, below=f"${live.price_per_hour:,.2f}/h")


def _trail(readings: Sequence[Reading], value: Callable[[Reading], float | None]) -> Trail:
    """The values up to now; empty where the newest reading has none."""
    found = [(reading.at_s, value(reading)) for reading in readings]
    if not found or found[-1][1] is None:
        return ()
    return tuple((at, each) for at, each in found if each is not None)


def _percent(part: float | None, whole: float | None) -> float | None:
    return 100 * part / whole if part is not None and whole else None
