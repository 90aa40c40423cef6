"""Downloads from a hub on this machine: whole, cut, cancelled, and hubs that are not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.background.download import HubFile, bytes_here, start_download
from app.background.jobs import Job, cancel
from app.engine.hub import cached, find_model
from optimizers.errors import InputError
from store.settings import Settings
from store.store import Store
from tests.app.background.waiting import ended, seen
from tests.building import checkpoint_folder
from tests.fakes.hub import FakeHub, blob_of, fake_hub, use_hub_cache

LARGE = 24 * 2**20


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    folder = checkpoint_folder(tmp_path / "on-hub")
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {**found, "README.md": b"not wanted", "large.txt": os.urandom(LARGE)}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "hub-cache"
    use_hub_cache(monkeypatch, folder)
    return folder


@pytest.fixture
def hub(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with fake_hub("maker/tiny", files) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


@contextmanager
def slow(hub: FakeHub) -> Iterator[None]:
    hub.pause_s = 0.005
    yield
    hub.pause_s = 0.0


def halfway(job: Job) -> bool:
    return 0 < job.done < job.total and job.done > LARGE // 4


def test_a_model_comes_with_its_bytes_counted(store: Store, settings: Settings, cache: Path, hub: FakeHub) -> None:
    with slow(hub):
        job = start_download(store, settings, " maker/tiny ", "mine")
        middle = seen(settings, job, halfway)
    assert (middle.unit, middle.what) == ("bytes", "6 of 7 files")
    done = ended(settings, job)
    assert (done.status, done.error) == ("done", None)
    wanted = {content for name, content in hub.files.items() if name != "README.md"}
    assert done.done == done.total == sum(map(len, wanted))
    saved = store.models.find("mine")
    assert saved is not None
    assert saved.location == "maker/tiny"
    assert find_model(store, settings, "mine").name == "mine"
    assert not any("README" in path for path in hub.asked)


def test_what_is_here_already_asks_no_hub(
    store: Store, settings: Settings, cache: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ended(settings, start_download(store, settings, "maker/tiny")).status == "done"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert ended(settings, start_download(store, settings, "maker/tiny", "again")).status == "done"


def test_cancelled_it_leaves_no_half_file_and_no_name(
    store: Store, settings: Settings, cache: Path, hub: FakeHub
) -> None:
    with slow(hub):
        job = start_download(store, settings, "maker/tiny")
        seen(settings, job, halfway)
        with pytest.raises(InputError, match="is being downloaded already"):
            start_download(store, settings, "maker/tiny", "other")
        cancel(settings, job)
        assert ended(settings, job).status == "cancelled"
    assert store.models.all() == []
    assert list(cache.rglob("*.incomplete")) == []
    assert cached("maker/tiny") is None
    assert ended(settings, start_download(store, settings, "maker/tiny")).status == "done"


def test_a_connection_that_is_cut_is_taken_up_again(
    store: Store, settings: Settings, cache: Path, hub: FakeHub
) -> None:
    hub.cut_after, hub.cuts = LARGE // 2, 1
    assert ended(settings, start_download(store, settings, "maker/tiny")).status == "done"
    assert hub.cuts == 0


def test_a_hub_that_breaks_in_the_middle_is_told(store: Store, settings: Settings, cache: Path, hub: FakeHub) -> None:
    hub.cut_after, hub.cuts, hub.broken = LARGE // 2, 1, True
    job = ended(settings, start_download(store, settings, "maker/tiny"))
    assert job.status == "failed"
    assert "could not be reached" in str(job.error)
    assert "give a folder that holds config.json" in str(job.error)
    assert "\n" not in str(job.error)
    assert store.models.all() == []


def test_a_model_that_nobody_has(store: Store, settings: Settings, cache: Path, hub: FakeHub) -> None:
    job = ended(settings, start_download(store, settings, "maker/none"))
    assert "is neither a folder here nor a model on the hub; give a folder" in str(job.error)


def test_no_network_is_one_line_that_says_what_to_do(
    store: Store, settings: Settings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    job = ended(settings, start_download(store, settings, "maker/tiny"))
    assert job.status == "failed"
    assert "the hub could not be reached ([Errno 111] Connection refused); give a folder" in str(job.error)


def test_weights_in_other_files_are_not_downloaded(store: Store, settings: Settings, cache: Path, hub: FakeHub) -> None:
    hub.files = {"config.json": b"{}", "pytorch_model.bin": b"x"}
    job = ended(settings, start_download(store, settings, "maker/tiny"))
    assert "has no weights as safetensors" in str(job.error)


@pytest.mark.parametrize(
    ("hub_id", "name", "says"),
    [
        ("tiny", "", "is no hub id; give it as organisation/model"),
        ("maker/tiny", "starter", "is a built-in model's"),
        ("maker/tiny", "taken", "exists at another place"),
    ],
)
def test_what_is_refused_before_anything_starts(
    store: Store, settings: Settings, hub_id: str, name: str, says: str
) -> None:
    store.models.add("taken", "/elsewhere")
    with pytest.raises(InputError, match=says):
        start_download(store, settings, hub_id, name)


def test_bytes_are_those_of_whole_files_and_of_beginnings(tmp_path: Path) -> None:
    whole, half = blob_of(b"12345678"), blob_of(b"x")
    (tmp_path / whole).write_bytes(b"12345678")
    (tmp_path / f"{half}.abc.incomplete").write_bytes(b"1234")
    (tmp_path / f"{half}.def.incomplete").write_bytes(b"12")
    (tmp_path / "stranger").write_bytes(b"123")
    files = [HubFile("a", whole, 8), HubFile("same", whole, 8), HubFile("b", half, 100), HubFile("c", "none", 50)]
    assert bytes_here(tmp_path, files) == 12
