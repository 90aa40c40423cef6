"""A running experiment as people watch it: how far each rung is and, once it can be known, how long it still takes.

Pure but for `read_live`. The remaining time rests on the pace of finished runs and requests; before anything has
finished there is none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from time import time

from app.views.wording import without_folders
from optimizers.recipe import Recipe
from store.store import Store
from store.tables import ExperimentRow

SOME_REQUESTS = 5
"""Fewer finished requests than this say little about a run's pace."""


@dataclass(frozen=True)
class RunState:
    """`engine` is equal for runs that share one; times are seconds since the epoch."""

    rung: int
    label: str
    status: str
    planned: int
    done: int
    engine: str = ""
    started_at: float | None = None
    finished_at: float | None = None

    @property
    def open(self) -> bool:
        return self.status in ("queued", "running")


@dataclass(frozen=True)
class RungState:
    """Repeats of rungs take turns: one that has begun and is not sent now has the status "waiting". `requests_done` are
    those of finished repeats."""

    label: str
    status: str
    runs: int
    runs_done: int
    requests: int
    requests_done: int


@dataclass(frozen=True)
class Remaining:
    """`rough` while some rungs' own pace is not known yet and the others' stands in."""

    seconds: float
    rough: bool


@dataclass(frozen=True)
class Live:
    """`run_id` is the run whose requests are being sent, or that is about to begin. `seconds` are those of the
    experiment so far, earlier attempts included; `price_per_hour` is US dollars."""

    experiment_id: int
    title: str
    status: str
    phase: str
    cancelling: bool
    done: int
    planned: int
    rungs: tuple[RungState, ...]
    remaining: Remaining | None
    run_id: int | None = None
    seconds: float | None = None
    price_per_hour: float | None = None

    @property
    def share(self) -> float:
        return min(self.done / self.planned, 1.0) if self.planned else 0.0


def read_live(store: Store, experiment: ExperimentRow) -> Live:
    rows = store.runs.of_experiment(experiment.id)
    progress = store.experiments.progress(experiment.id)
    runs = [
        RunState(
            rung=row.rung,
            label=row.label,
            status=row.status,
            planned=row.planned_requests,
            done=progress.by_run.get(row.id, 0),
            engine=_engine_key(row.recipe) if experiment.spec.get("endpoint") is None else "",
            started_at=row.started_at,
            finished_at=row.finished_at,
        )
        for row in rows
    ]
    remaining = seconds = None
    if experiment.status == "running" and experiment.started_at is not None:
        before = sum(experiment.seconds.get(name, 0.0) for name in ("engine_start", "engine_stop"))
        now = time()
        starts = store.engines.start_seconds(experiment.id)
        remaining = estimate(runs, experiment.engine_starts, experiment.started_at, before, now, starts)
        seconds = experiment.seconds.get("total", 0.0) + now - experiment.started_at
    return Live(
        experiment_id=experiment.id,
        title=without_folders(experiment.title),
        status=experiment.status,
        phase=without_folders(experiment.phase),
        cancelling=experiment.cancel_requested,
        done=progress.done,
        planned=progress.planned,
        rungs=rung_states(runs),
        remaining=remaining,
        run_id=next((row.id for row in rows if row.status == "running"), None),
        seconds=seconds,
        price_per_hour=experiment.spec.get("price_per_hour"),
    )


def rung_states(runs: Sequence[RunState]) -> tuple[RungState, ...]:
    """`runs` in rung order."""
    return tuple(_rung(list(part)) for _, part in groupby(runs, key=lambda run: run.rung))


def estimate(
    runs: Sequence[RunState],
    engine_starts: int,
    started_at: float,
    before_s: float,
    now: float,
    starts_s: Sequence[float] = (),
) -> Remaining | None:
    """Seconds that the open runs and the engines they still need will take; None while nothing is known.

    `starts_s` are the starts of engines that were watched; where there is none, all time outside runs counts as such,
    with `before_s`, which an earlier, interrupted attempt spent on them.
    """
    pending = [run for run in runs if run.open]
    paces = [(run, _pace(run, now)) for run in runs]
    known = [(run, pace) for run, pace in paces if pace is not None]
    if not pending or not known:
        return None
    seconds, rough = 0.0, False
    anyone = sum(pace for _, pace in known) / len(known)
    for run in pending:
        own = [pace for other, pace in known if other.rung == run.rung]
        rough = rough or not own
        seconds += (sum(own) / len(own) if own else anyone) * max(run.planned - run.done, 0)
    measured = sum(_overlap(run, started_at, now) for run in runs)
    outside = (before_s + max(now - started_at - measured, 0.0)) / max(engine_starts, 1)
    per_start = fmean(starts_s) if starts_s else outside
    up = {run.engine for run in pending if run.status == "running"}
    starts = len({run.engine for run in pending if run.engine} - up)
    return Remaining(seconds + starts * per_start, rough)


def _pace(run: RunState, now: float) -> float | None:
    """Seconds for each request, from a finished run or one that has got somewhere."""
    if run.started_at is None:
        return None
    if run.status == "done" and run.finished_at is not None and run.planned:
        return (run.finished_at - run.started_at) / run.planned
    if run.status == "running" and run.done >= SOME_REQUESTS:
        return (now - run.started_at) / run.done
    return None


def _overlap(run: RunState, since: float, now: float) -> float:
    """Seconds of this attempt that the run took."""
    if run.started_at is None or run.status == "queued":
        return 0.0
    return max((run.finished_at if run.status == "done" and run.finished_at else now) - max(run.started_at, since), 0.0)


def _rung(runs: list[RunState]) -> RungState:
    done = sum(run.status == "done" for run in runs)
    stopped = [run.status for run in runs if not run.open and run.status != "done"]
    if stopped:
        status = "failed" if "failed" in stopped else stopped[0]
    elif done == len(runs):
        status = "done"
    else:
        sending = any(run.status == "running" for run in runs)
        status = "running" if sending else "waiting" if done else "queued"
    return RungState(
        label=runs[0].label,
        status=status,
        runs=len(runs),
        runs_done=done,
        requests=sum(run.planned for run in runs),
        requests_done=sum(run.planned for run in runs if run.status == "done"),
    )


def _engine_key(recipe: list[dict[str, object]]) -> str:
    """Within one experiment the model and its options are the same, so the recipe's flags tell engines apart."""
    return json.dumps(Recipe.from_json(recipe).engine_flags(), sort_keys=True)
