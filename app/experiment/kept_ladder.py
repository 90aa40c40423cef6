"""A ladder as it is kept in the store, and the key that tells whether a kept one still holds.

The key is made of all that a ladder is worked out from: the experiment, its runs, and the program itself. Requests are
not part of it: they are written once, and a run that is done never changes them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

import msgspec
import numpy as np

from app.analysis.ladder import Ladder
from app.setup.steps import digest
from optimizers.registry import techniques
from store.settings import ROOT
from store.tables import ExperimentRow, RunRow

OF_RUN = ("id", "rung", "repeat", "label", "recipe", "status", "finished_at", "manifest", "summary")
PARTS = ("app/analysis", "app/experiment", "app/prompts", "app/replay", "app/words.py", "optimizers")
PROGRAM = digest(*(ROOT / part for part in PARTS), np.__version__)
"""Taken when the program is loaded: files that are changed under a running one are not what it works with."""


def key_of(experiment: ExperimentRow, runs: Sequence[RunRow]) -> str:
    claims = sorted((found.key, found.claims_identical_output) for found in techniques().all())
    of_runs = [[getattr(run, name) for name in OF_RUN] for run in runs]
    facts = [PROGRAM, claims, experiment.kind, experiment.spec, of_runs]
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def written(ladder: Ladder) -> str:
    return msgspec.json.encode(ladder).decode()


def read(content: str) -> Ladder | None:
    """None for what is no ladder: a copy that came to harm is not worth more than none."""
    try:
        return msgspec.json.decode(content, type=Ladder)
    except (msgspec.DecodeError, UnicodeError):
        return None
