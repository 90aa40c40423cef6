"""Queues small experiments for the fake engine and reads what it was sent."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app import worker
from app.analysis import summary
from app.engine import process
from app.experiment import execute, live_file, measure, sampling
from app.experiment.queue import enqueue
from app.experiment.spec import ExperimentSpec, Rung, ladder_rungs
from app.preparation import counting
from app.prompts.prompt_set import PromptSet
from app.prompts.saved import save_prompt_set
from app.replay.load import LoadProfile
from app.worker import working
from optimizers.recipe import Recipe
from store.settings import Settings
from store.store import Store
from store.tables import EngineRow, ExperimentRow
from tests.building import chat_prompts

QUESTION = re.compile(r"question number (\d+) please")


def shorten_waits(patch: pytest.MonkeyPatch) -> None:
    """Short polls, and no tokenizer of a real model's size: loading its libraries takes seconds."""
    patch.setattr(worker, "POLL_S", 0.02)
    patch.setattr(process, "POLL_S", 0.02)
    patch.setattr(process, "TERM_GRACE_S", 2.0)
    patch.setattr(sampling, "SAMPLE_S", 0.02)
    patch.setattr(live_file, "EVERY_S", 0.02)
    patch.setattr(execute, "load_tokenizer", lambda folder: None)
    patch.setattr(measure, "count_tokens", lambda *given: {})
    patch.setattr(counting, "count_prompts", lambda folder, prompts, chat: [None] * len(prompts))
    # What a busy test machine does to the clock is no finding about a run.
    patch.setattr(summary, "most_late_ms", lambda ttft_p50_ms: math.inf)
    patch.setattr(summary, "MAX_FOREIGN_CPU", math.inf)


def queue(
    store: Store,
    model: Path | None,
    techniques: Sequence[str] | None = None,
    prompts: PromptSet | None = None,
    **options: Any,
) -> int:
    """A ladder of techniques, or the baseline alone; the experiment's id."""
    row, _ = save_prompt_set(store, prompts or chat_prompts(4), "tests")
    rungs = ladder_rungs(techniques) if techniques else (Rung("Baseline", Recipe()),)
    defaults: dict[str, Any] = {
        "rungs": rungs,
        "repeats": 1,
        "warm_up": 1,
        "load": LoadProfile("closed_loop", 4, "one_by_one"),
    }
    spec = ExperimentSpec(
        kind="ladder",
        prompt_set_id=row.id,
        model=None if model is None else str(model),
        **{**defaults, **options},
    )
    return enqueue(store, spec, "title")


async def work(store: Store, settings: Settings) -> None:
    """What a worker does with one experiment: takes the store, cleans up, runs it, leaves."""
    with working(store, settings) as taken:
        await taken.run_next()


async def finished(store: Store, settings: Settings, experiment: int) -> ExperimentRow:
    await work(store, settings)
    return store.experiments.get(experiment)


def bodies(log: Path) -> list[dict[str, Any]]:
    """Every request the fake engine was sent, in order, warm-up included."""
    return [json.loads(line)["body"] for line in log.read_text().splitlines()] if log.exists() else []


def positions(log: Path) -> list[int]:
    """Which prompts they were."""
    found = [QUESTION.search(json.dumps(body)) for body in bodies(log)]
    return [int(match[1]) for match in found if match]


def engines(store: Store) -> list[EngineRow]:
    """All engines that were ever recorded, oldest first."""
    last = store.engines.latest()
    numbers = range(1, (last.id if last else 0) + 1)
    return [row for number in numbers if (row := store.engines.get(number)) is not None]
