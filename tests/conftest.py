"""Fixtures that any test may ask for: a state folder, a store, a checkpoint, the fake engine in vLLM's place.

Nothing here touches the project's own `.rung/`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from store.settings import Settings
from store.store import Store
from tests.building import checkpoint_folder, starter_folders, use_fake_engine, use_processor

# The same examples at every run: a red test stays red until it is mended. Speed is not what is tested.
hypothesis_settings.register_profile("rung", deadline=None, derandomize=True, database=None, max_examples=60)
hypothesis_settings.load_profile("rung")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests last: its driver leaves an event loop running, beside which no other can be started."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A state folder and a database of the test's own, which commands find by the environment."""
    for name in ("RUNG_DATABASE_URL", "RUNG_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNG_HOME", str(tmp_path / "home"))
    # No test depends on what the weights in the repository have learnt; one that needs a starter model makes a folder.
    monkeypatch.setattr("store.settings.STARTER_MODELS", tmp_path / "starter-models")
    # Nor on the recorded runs that come with the repository: an empty store stays empty.
    monkeypatch.setattr("app.interchange.bundled.FOLDER", tmp_path / "recorded")
    # Nor on which quantizers somebody has installed beside the engine.
    monkeypatch.setattr("app.experiment.usable.is_installed", lambda tool: False)
    # Nor on this machine's processor, unless a real engine runs on it.
    if request.node.get_closest_marker("engine") is None:
        use_processor(monkeypatch)
    (tmp_path / "home").mkdir()
    return Settings.load()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def store(settings: Settings, empty_database: Path) -> Iterator[Store]:
    shutil.copy(empty_database, settings.home / "rung.db")
    opened = Store.open(settings.database_url)
    yield opened
    opened.close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that passes for a small Llama with a chat template; its weights are a few bytes."""
    return checkpoint_folder(tmp_path / "tiny-model")


@pytest.fixture
def starter(settings: Settings) -> Path:
    """The built-in models; the folder of the one called `starter`."""
    return starter_folders(settings.starter_models)


@pytest.fixture
def fake_vllm(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts the fake engine in vLLM's place; call it with the behaviour, as in `fake_vllm(fault="stall")`."""

    use_fake_engine(monkeypatch)
    return partial(use_fake_engine, monkeypatch)
