"""Downloads and quantizations as the Models page shows them, from the click to the end.

Jobs, their processes, the hub's client and the machine's lock are real; the quantizer is a few lines of Python.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.background.jobs import Job, all_jobs, cancel
from app.background.machine import take_machine
from app.studio.model_jobs import KINDS, progress_text
from app.studio.session import hardware
from optimizers.quantization import METHODS
from store.settings import Settings
from store.store import Store
from tests.app.background.waiting import ended
from tests.building import LLAMA, checkpoint_folder, use_processor
from tests.fakes.hub import FakeHub, fake_hub, use_hub_cache
from tests.fakes.quantizer import use_fake_jobs
from tests.pages.conftest import Open, label_of, labelled, says, shown, words

FITTING = {**LLAMA, "hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 4, "num_key_value_heads": 4}
LARGE = 24 * 2**20
MIB = 2**20
Behave = Callable[[str], None]


@pytest.fixture(autouse=True)
def _nothing_is_left(settings: Settings) -> Iterator[None]:
    yield
    for job in all_jobs(settings, *KINDS):
        cancel(settings, job.id)
        ended(settings, job.id)


@pytest.fixture
def quantizer(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Behave:
    """A model to quantize; call it with how that goes."""
    store.models.add("fitting", str(checkpoint_folder(tmp_path / "fitting", FITTING)))
    use_fake_jobs(monkeypatch)
    return lambda behaviour: monkeypatch.setenv("RUNG_TEST_JOB", behaviour)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """Has maker/tiny, with one large file that comes slowly."""
    use_hub_cache(monkeypatch, tmp_path / "hub-cache")
    folder = checkpoint_folder(tmp_path / "on-hub")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    with fake_hub("maker/tiny", {**files, "large.txt": os.urandom(LARGE)}, pause_s=0.005) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def quantize(at: AppTest, name: str = "small") -> AppTest:
    labelled(at.selectbox, "Model to quantize").set_value("fitting")
    labelled(at.text_input, "Name of the result").set_value(name)
    return at.button[label_of(at, "Quantize")].click().run()


def download(at: AppTest, hub_id: str, name: str = "") -> AppTest:
    labelled(at.text_input, "Folder or hub id").set_value(hub_id)
    labelled(at.text_input, "Name").set_value(name)
    return at.button[label_of(at, "Add")].click().run()


def buttons(at: AppTest) -> set[str]:
    return {button.label for button in at.button}


def models(at: AppTest) -> dict[str, str]:
    """Name -> where it comes from, as the table has it."""
    return dict(zip(at.dataframe[0].value["Model"], at.dataframe[0].value["From"], strict=True))


def test_a_quantization_waits_for_the_machine_and_ends_in_the_table(
    open_page: Open, settings: Settings, quantizer: Behave
) -> None:
    quantizer("good")
    machine = take_machine(settings)
    assert machine is not None
    at = shown(quantize(open_page("models")), says("waiting for what has the machine now"))
    assert "Quantize fitting as small: waiting for what has the machine now" in words(at)
    assert "Cancel" in buttons(at)
    assert "small" not in models(at)
    machine.release()
    shown(at, says("is done"))
    assert "Quantize fitting as small is done: weights 0.0 to 0.0 MiB (4.0x smaller)" in words(at)
    assert "It is **small** in the table." in words(at)
    assert models(at)["small"] == "made here"
    at.button[label_of(at, "Put away")].click().run()
    assert "is done" not in words(at)


def test_only_methods_whose_weights_are_served_here_are_offered(
    open_page: Open, quantizer: Behave, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offered() -> tuple[set[str], set[str]]:
        at = open_page("models")
        return {*labelled(at.selectbox, "Method").options}, {box.label for box in at.selectbox}

    use_processor(monkeypatch)
    methods, fields = offered()
    assert "Group size" in fields
    hardware.clear()
    use_processor(monkeypatch, "avx2")
    fewer, fields = offered()
    assert fewer == {METHODS["int8_w8a8"].title, METHODS["fp8"].title} < methods
    assert "Group size" not in fields


def test_a_quantization_tells_how_far_it_is_and_is_cancelled(
    open_page: Open, settings: Settings, quantizer: Behave
) -> None:
    quantizer("slow")
    at = shown(quantize(open_page("models")), says("layer 2 of 3"))
    (bar,) = at.get("progress")
    assert bar.proto.value == 33
    at.button[label_of(at, "Cancel")].click().run()
    shown(at, says("was cancelled"))
    assert "Quantize fitting as small was cancelled. Nothing is left of it." in words(at)
    assert "small" not in models(at)
    machine = take_machine(settings)
    assert machine is not None
    machine.release()


def test_a_quantization_that_fails_says_why_in_one_line(open_page: Open, quantizer: Behave) -> None:
    quantizer("fails")
    at = shown(quantize(open_page("models")), lambda at: bool(at.error))
    (line,) = at.error
    assert line.value.replace("\\", "").startswith("Quantize fitting as small: ")
    assert "the layer has no weights" in line.value
    assert "\n" not in line.value
    assert "small" not in models(at)
    assert "Cancel" not in buttons(at)


def test_a_quantization_whose_process_was_killed_is_told(
    open_page: Open, settings: Settings, quantizer: Behave
) -> None:
    quantizer("slow")
    at = shown(quantize(open_page("models")), says("layer 2 of 3"))
    (job,) = all_jobs(settings, "quantize")
    note = json.loads((settings.home / "jobs" / job.id / "process.json").read_text())
    os.kill(note["pid"], signal.SIGKILL)
    shown(at, lambda at: bool(at.error))
    assert "its process ended in the middle of it; start it again" in words(at)


def test_the_same_name_twice_is_refused(open_page: Open, settings: Settings, quantizer: Behave) -> None:
    quantizer("slow")
    at = shown(quantize(open_page("models")), says("layer 2 of 3"))
    quantize(at)
    assert "small is being made already" in words(at)
    assert len(all_jobs(settings, "quantize")) == 1


def test_a_download_counts_its_bytes_and_ends_in_the_table(open_page: Open, settings: Settings, hub: FakeHub) -> None:
    machine = take_machine(settings)
    assert machine is not None
    at = shown(
        download(open_page("models"), "maker/tiny", "mine"),
        lambda at: any(0 < bar.proto.value < 100 for bar in at.get("progress")),
    )
    assert re.search(r"Download maker/tiny: [\d.]+ MiB of 24\.0 MiB, 6 of 7 files", words(at))
    shown(at, says("is done"))
    machine.release()
    assert "Download maker/tiny is done. It is **mine** in the table." in words(at)
    assert models(at)["mine"] == "hub"


def test_a_download_is_cancelled(open_page: Open, hub: FakeHub) -> None:
    hub.pause_s = 0.05
    at = shown(download(open_page("models"), "maker/tiny"), says("6 of 7 files"))
    at.button[label_of(at, "Cancel")].click().run()
    shown(at, says("was cancelled"))
    assert "Download maker/tiny was cancelled. Whole files that came are kept for the next time." in words(at)
    assert "maker/tiny" not in models(at)


def test_a_download_from_a_hub_that_breaks_says_what_to_do(open_page: Open, hub: FakeHub) -> None:
    hub.cut_after, hub.cuts, hub.broken = LARGE // 2, 1, True
    at = shown(download(open_page("models"), "maker/tiny"), lambda at: bool(at.error))
    (line,) = at.error
    assert "the hub could not be reached" in line.value
    assert "give a folder that holds" in line.value
    assert "\n" not in line.value
    assert "maker/tiny" not in models(at)


def test_a_model_that_the_hub_does_not_have(open_page: Open, hub: FakeHub) -> None:
    at = shown(download(open_page("models"), "maker/none"), lambda at: bool(at.error))
    assert "is neither a folder here nor a model on the hub" in words(at)


def test_viewers_see_no_job(open_page: Open, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    at = shown(download(open_page("models"), "maker/tiny"), says("is done"))
    monkeypatch.setenv("RUNG_READ_ONLY", "1")
    assert "is done" not in words(at.run())


def test_pace_and_remaining_time_are_told_once_they_are_known() -> None:
    job = Job(
        "download-1",
        "download",
        "Download a",
        {},
        0.0,
        "running",
        "3 of 7 files",
        410 * MIB,
        1240 * MIB,
        "bytes",
        100.0,
    )
    assert progress_text(job, 101.0) == "410 MiB of 1.21 GiB, 3 of 7 files"
    assert progress_text(job, 136.3) == "410 MiB of 1.21 GiB, 3 of 7 files, 11.3 MiB/s, about 2 min left"
