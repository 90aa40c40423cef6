"""Checkpoints to order: made once, whole or not at all, cancelled, killed, waited for."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from app.engine.checkpoint import Checkpoint, read_checkpoint
from app.preparation.checkpoints import Made, make_checkpoint, order_hash, place_of, read_facts, remove_leftovers
from app.preparation.job import PROCESS_FILE, PreparationError, Progress
from store.settings import Settings
from tests.app.preparation.conftest import ORDER
from tests.fakes.quantizer import TEXT

Quantizer = Callable[[str], None]


@pytest.fixture
def source(model: Path) -> Checkpoint:
    return read_checkpoint(model)


async def make(source: Checkpoint, settings: Settings, heard: list[Progress]) -> Made:
    return await make_checkpoint(ORDER, source, TEXT, settings, heard.append)


def process_of(settings: Settings) -> psutil.Process | None:
    for note in settings.quantized_models.glob(f"*.partial/scratch/{PROCESS_FILE}"):
        try:
            return psutil.Process(json.loads(note.read_text())["pid"])
        except ValueError:
            return None
    return None


async def until_half_made(settings: Settings) -> psutil.Process:
    """Polls: the job is another process."""
    while not list(settings.quantized_models.glob("*.partial/model/half")) or process_of(settings) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    found = process_of(settings)
    assert found is not None
    return found


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


async def test_it_is_made_once_with_progress_and_facts(
    source: Checkpoint, settings: Settings, quantizer: Quantizer, heard: list[Progress]
) -> None:
    quantizer("good")
    made = await make(source, settings, heard)
    assert made.fresh
    assert [(each.done, each.total) for each in heard] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert heard[1].what == "layer 2 of 3"
    assert made.folder == place_of(ORDER, source, TEXT, settings)
    assert read_checkpoint(made.folder).quantization == "awq"
    assert made.facts["weight_bytes_after"] == 16
    assert made.facts.keys() >= {"seconds", "peak_memory_bytes"}
    document = json.loads((made.folder / "rung.json").read_text())
    assert document["source"] == {"name": "tiny-model", "fingerprint": source.fingerprint}
    assert document["calibration"]["prompt_set"] == "texts"
    assert [path.name for path in settings.quantized_models.iterdir() if path.suffix != ".lock"] == [made.folder.name]

    quantizer("dies")
    again = await make(source, settings, heard)
    assert (again.folder, again.fresh) == (made.folder, False)


def test_another_content_is_another_checkpoint(source: Checkpoint) -> None:
    first = order_hash(ORDER, source, TEXT)
    others = [
        order_hash(replace(ORDER, settings=(("group_size", 64), ("method", "awq"))), source, TEXT),
        order_hash(ORDER, replace(source, fingerprint="another"), TEXT),
        order_hash(ORDER, source, replace(TEXT, pieces=((1, 2, 3),))),
        order_hash(replace(ORDER, tool="llmcompressor"), source, TEXT),
    ]
    assert len({first, *others}) == 5
    assert order_hash(ORDER, replace(source, name="renamed"), replace(TEXT, prompt_set="renamed")) == first


async def test_what_a_library_prints_is_no_progress(
    source: Checkpoint, settings: Settings, quantizer: Quantizer, heard: list[Progress]
) -> None:
    quantizer("chatty")
    made = await make(source, settings, heard)
    assert len(heard) == 4
    assert "says this" in (settings.logs / f"quantize-{made.folder.name}.log").read_text()


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("fails", "the layer has no weights (ValueError) (log: quantize-"),
        ("dies", "the job was killed (signal 9), often because memory ran out (log: quantize-"),
    ],
)
async def test_a_job_that_breaks_leaves_a_reason_and_nothing_else(
    behaviour: str, says: str, source: Checkpoint, settings: Settings, quantizer: Quantizer, heard: list[Progress]
) -> None:
    quantizer(behaviour)
    with pytest.raises(PreparationError) as caught:
        await make(source, settings, heard)
    assert str(caught.value).startswith(says)
    assert not [path for path in settings.quantized_models.iterdir() if path.suffix != ".lock"]
    quantizer("good")
    assert (await make(source, settings, heard)).fresh


async def test_cancelling_ends_the_job_and_leaves_nothing(
    source: Checkpoint, settings: Settings, quantizer: Quantizer, heard: list[Progress]
) -> None:
    quantizer("slow")
    task = asyncio.create_task(make(source, settings, heard))
    process = await asyncio.wait_for(until_half_made(settings), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(process)
    assert not list(settings.quantized_models.glob("*.partial"))
    assert read_facts(place_of(ORDER, source, TEXT, settings)) is None


async def test_two_who_want_the_same_make_it_once(
    source: Checkpoint, settings: Settings, quantizer: Quantizer, heard: list[Progress]
) -> None:
    quantizer("good")
    both = await asyncio.gather(make(source, settings, heard), make(source, settings, heard))
    assert sorted(made.fresh for made in both) == [False, True]
    assert any("waiting for another process" in each.what for each in heard)


async def test_what_a_killed_rung_left_behind_is_ended_and_removed(
    source: Checkpoint, settings: Settings, quantizer: Quantizer, heard: list[Progress]
) -> None:
    """The one who held it is gone: its lock is free, its job still runs, half a model lies there."""
    quantizer("slow")
    task = asyncio.create_task(make(source, settings, heard))
    process = await asyncio.wait_for(until_half_made(settings), 30)
    assert remove_leftovers(settings) == 0, "it is being made"

    half = next(iter(settings.quantized_models.glob("*.partial")))
    orphan = half.with_name("orphan.partial")
    (orphan / "scratch").mkdir(parents=True)
    (orphan / "scratch" / PROCESS_FILE).write_text((half / "scratch" / PROCESS_FILE).read_text())
    assert remove_leftovers(settings) == 1
    assert gone(process)
    assert not orphan.exists()
    with pytest.raises(PreparationError):
        await task


async def test_a_stranger_with_the_jobs_number_is_left_alone(settings: Settings) -> None:
    orphan = settings.quantized_models / "old.partial"
    (orphan / "scratch").mkdir(parents=True)
    sleeper = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    note = {"pid": sleeper.pid, "started_at": psutil.Process(sleeper.pid).create_time() - 3600}
    (orphan / "scratch" / PROCESS_FILE).write_text(json.dumps(note))
    assert remove_leftovers(settings) == 1
    assert sleeper.returncode is None
    os.killpg(sleeper.pid, signal.SIGKILL)
    await sleeper.wait()


async def test_without_text_nothing_is_started(
    source: Checkpoint, settings: Settings, quantizer: Quantizer, heard: list[Progress]
) -> None:
    quantizer("good")
    with pytest.raises(PreparationError, match="the prompt set texts holds no text to calibrate with"):
        await make_checkpoint(ORDER, source, replace(TEXT, pieces=()), settings, heard.append)
