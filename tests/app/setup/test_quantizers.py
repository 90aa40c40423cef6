"""The quantizers' environments: what is asked of pip, in which order, and when nothing is to be done."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from app.setup.command import Shell
from app.setup.console import Console
from app.setup.packages import read_lock
from app.setup.quantizers import PROBES, SOURCE_ONLY, QuantizerEnvironment

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "requirements").mkdir()
    lock = "autoawq==0.2.9\npip==26.3\nsetuptools==78.1.1\ntorch==2.13.0\nwheel==0.48.0\n"
    (tmp_path / "requirements" / "awq.lock").write_text(lock)
    return tmp_path


def test_each_tool_has_an_environment_of_its_own_beside_the_engines() -> None:
    folders = {QuantizerEnvironment.of(ROOT, tool).folder for tool in PROBES}
    assert folders == {ROOT / ".venv-awq", ROOT / ".venv-llmcompressor"}
    assert all(QuantizerEnvironment.of(ROOT, tool).own_lock.is_file() for tool in PROBES)


def test_one_that_is_missing_is_not_ready(root: Path) -> None:
    own = QuantizerEnvironment.of(root, "awq")
    assert not own.ready()
    assert not own.installed()
    assert own.problem() == ".venv-awq is no environment"


def test_what_comes_as_source_is_built_last_with_tools_that_are_locked(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(self: Shell, argv: list[str], *given: Any, **named: Any) -> None:
        asked.append(argv[1:])

    monkeypatch.setattr(Shell, "run", run)
    monkeypatch.setattr(QuantizerEnvironment, "_need_space", lambda self, gib: None)
    own = QuantizerEnvironment.of(root, "awq")
    facts = own.all_steps()[1].work(Shell(root, root / "log", Console(io.StringIO())), {})
    installs = [argv for argv in asked if argv[:3] == ["-m", "pip", "install"]]
    named = [{part for part in argv if "==" in part} for argv in installs]
    assert named == [
        {"pip==26.3"},
        {"pip==26.3", "setuptools==78.1.1", "torch==2.13.0", "wheel==0.48.0"},
        {"autoawq==0.2.9"},
    ]
    assert installs[-1][-4:-1] == ["--no-build-isolation", "--no-binary", "autoawq"]
    assert all("--no-deps" in argv for argv in installs)
    assert asked[-1] == ["-c", PROBES["awq"]]
    assert facts["installed"] == ["autoawq", "pip", "setuptools", "torch", "wheel"]


def test_the_lock_of_a_source_package_has_what_builds_it() -> None:
    for tool in SOURCE_ONLY:
        assert {"setuptools", "wheel", "pip"} <= set(read_lock(QuantizerEnvironment.of(ROOT, tool).own_lock))
