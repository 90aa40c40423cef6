"""Checkpoints made to order: once for each content, whole or not at all.

A folder is named after what decides its content: the source, the order, the texts and the tool. It is made beside its
place and renamed into it. A job that was killed leaves its half behind; the next start removes it and begins anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import time

from filelock import FileLock, Timeout

from app.engine.checkpoint import Checkpoint
from app.engine.orphans import is_ours
from app.engine.process import stop_group
from app.preparation.calibration import PIECE_TOKENS, CalibrationText
from app.preparation.job import PROCESS_FILE, PreparationError, Progress, Say, run_job
from app.preparation.quantizers import job_command, make_tool, tool_digest
from optimizers.checkpoint_order import CheckpointOrder
from store.settings import Settings

SCHEMA = "rung.checkpoint/1"
FACTS_FILE = "rung.json"
PARTIAL = ".partial"
POLL_S = 0.2
GRACE_S = 2.0


@dataclass(frozen=True)
class Made:
    """A checkpoint that is there. `fresh`: it was made just now, and not found."""

    folder: Path
    facts: Mapping[str, float]
    fresh: bool


def order_hash(order: CheckpointOrder, source: Checkpoint, text: CalibrationText) -> str:
    decides = [source.fingerprint, order.job, order.settings, text.content_hash, tool_digest(order.tool)]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()


def place_of(order: CheckpointOrder, source: Checkpoint, text: CalibrationText, settings: Settings) -> Path:
    method = dict(order.settings).get("method", order.job)
    name = f"{_word(source.name)}-{_word(str(method))}-{order_hash(order, source, text)[:16]}"
    return settings.quantized_models / name


async def make_checkpoint(
    order: CheckpointOrder, source: Checkpoint, text: CalibrationText, settings: Settings, say: Say
) -> Made:
    """Raises PreparationError with the cause. Whoever asks for the same one meanwhile waits and finds it."""
    place = place_of(order, source, text, settings)
    facts = read_facts(place)
    if facts is not None:
        return Made(place, facts, fresh=False)
    if order.samples and not text.pieces:
        raise PreparationError(f"the prompt set {text.prompt_set} holds no text to calibrate with")
    await make_tool(order.tool, settings, say)
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = await _acquire(place, say)
    try:
        facts = read_facts(place)
        if facts is not None:
            return Made(place, facts, fresh=False)
        await _make(order, source, text, settings, place, say)
    finally:
        lock.release()
    return Made(place, read_facts(place) or {}, fresh=True)


async def _make(
    order: CheckpointOrder, source: Checkpoint, text: CalibrationText, settings: Settings, place: Path, say: Say
) -> None:
    partial = _partial(place)
    shutil.rmtree(partial, ignore_errors=True)
    scratch, folder = partial / "scratch", partial / "model"
    scratch.mkdir(parents=True)
    folder.mkdir()
    job = {
        "source": str(source.folder),
        "target": str(folder),
        "scratch": str(scratch),
        "settings": dict(order.settings),
        "calibration": text.pieces,
        "held_out": text.held_out,
        "piece_tokens": len(text.pieces[0]) if text.pieces else PIECE_TOKENS,
    }
    job_file = scratch / "job.json"
    job_file.write_text(json.dumps(job), encoding="utf-8")
    log = settings.logs / f"quantize-{place.name}.log"
    try:
        outcome = await run_job(job_command(order, job_file), log, scratch, say)
        document = {
            "schema": SCHEMA,
            "source": {"name": source.name, "fingerprint": source.fingerprint},
            "settings": dict(order.settings),
            "calibration": {"prompt_set": text.prompt_set, "content_hash": text.content_hash},
            "facts": dict(outcome.facts),
            "versions": dict(outcome.versions),
            "made_at": time(),
        }
        (folder / FACTS_FILE).write_text(json.dumps(document, indent=2), encoding="utf-8")
        folder.rename(place)
    except OSError as error:
        raise PreparationError(f"the checkpoint cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_facts(folder: Path) -> Mapping[str, float] | None:
    """What is known of a checkpoint that was made here, None for any other folder."""
    try:
        document = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        return dict(document["facts"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_leftovers(settings: Settings) -> int:
    """Ends jobs whose Rung was killed and removes their halves; how many there were. One that somebody is making now
    is left alone."""
    removed = 0
    for partial in sorted(settings.quantized_models.glob(f"*{PARTIAL}")):
        lock = _lock(partial.with_name(partial.name.removesuffix(PARTIAL)))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        try:
            _end_job(partial / "scratch" / PROCESS_FILE)
            shutil.rmtree(partial, ignore_errors=True)
            removed += 1
        finally:
            lock.release()
    return removed


def _end_job(note: Path) -> None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(note.read_text(encoding="utf-8"))
        if is_ours(int(known["pid"]), float(known["started_at"])):
            stop_group(int(known["pid"]), GRACE_S)


def _partial(place: Path) -> Path:
    return place.with_name(place.name + PARTIAL)


def _lock(place: Path) -> FileLock:
    """The kernel frees it when its holder dies. Threads of one process may pass it on."""
    return FileLock(place.with_name(place.name + ".lock"), thread_local=False)


async def _acquire(place: Path, say: Say) -> FileLock:
    lock = _lock(place)
    while True:
        try:
            lock.acquire(timeout=0)
            return lock
        except Timeout:
            say(Progress(0, 0, "waiting for another process that makes the same checkpoint"))
            await asyncio.sleep(POLL_S)


def _word(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[-40:] or "model"
