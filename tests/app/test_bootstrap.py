"""The entry of `make studio` and `make test`: its plan, its refusals, and that it needs nothing installed."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from app import bootstrap
from app.setup.console import Console
from app.setup.engine_build import EngineBuild
from app.setup.failure import SetupFailure

CPU = EngineBuild("cpu", "no NVIDIA GPU")


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("setup", ["starter-models", "environment", "packages", "database"]),
        (
            "bench",
            [
                *("starter-models", "environment", "packages", "test-tools", "browser"),
                *("aiperf-environment", "aiperf-packages"),
            ],
        ),
        ("rivals", ["aiperf-environment", "aiperf-packages"]),
        ("tools", ["environment", "packages", "test-tools"]),
        ("tests", ["starter-models", "environment", "packages", "test-tools", "browser"]),
        ("studio", ["starter-models", "environment", "packages", "database"]),
        ("awq", ["awq-environment", "awq-packages"]),
        ("llmcompressor", ["llmcompressor-environment", "llmcompressor-packages"]),
        ("quantizers", ["awq-environment", "awq-packages", "llmcompressor-environment", "llmcompressor-packages"]),
    ],
)
def test_each_target_has_its_steps(target: str, names: list[str]) -> None:
    assert [step.name for step in bootstrap.plan(target, bootstrap.ROOT, CPU)] == names


def test_another_engine_build_is_another_set_of_packages() -> None:
    cpu = bootstrap.plan("tools", bootstrap.ROOT, CPU)[1]
    cuda = bootstrap.plan("tools", bootstrap.ROOT, EngineBuild("cuda", "a GPU"))[1]
    assert cpu.digest != cuda.digest


def test_it_imports_nothing_that_has_to_be_installed() -> None:
    """-S leaves site-packages out, as on a machine where nothing is installed yet."""
    code = "import sys; sys.path.insert(0, '.'); import app.bootstrap; print(app.bootstrap.TARGETS[0])"
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=bootstrap.ROOT, capture_output=True, text=True, check=False
    )
    assert (answer.stdout, answer.stderr) == ("studio\n", "")


@pytest.mark.parametrize("arguments", [[], ["everything"], ["setup", "--port", "1"]])
def test_a_wrong_call_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(arguments) == 2
    assert "give one of studio, setup, bench, tools, tests" in capsys.readouterr().err


def test_another_python_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13, 1))
    assert bootstrap.main(["setup"]) == 2
    assert capsys.readouterr().err == (
        "rung: this is Python 3.13.1, Rung needs 3.11: name it with PYTHON=/path/to/python3.11\n"
    )


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SetupFailure("The disk is full.", "Free space."), 1, "why   The disk is full.\n  do    Free space."),
        (OSError(30, "Read-only file system"), 1, "why   The file system is read-only."),
        (KeyboardInterrupt(), 130, "stopped; the next start goes on from here"),
    ],
)
def test_a_stop_is_explained(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(target: str, root: Path, console: Console) -> None:
        raise error

    monkeypatch.setattr(bootstrap, "set_up", fail)
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    assert bootstrap.main(["setup"]) == code
    assert said in capsys.readouterr().err


def test_the_studio_takes_over_with_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "set_up", lambda target, root, console: None)
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    monkeypatch.setattr("os.execv", lambda python, argv: called.append([str(python), *argv[1:]]))
    bootstrap.main(["studio", "--port", "8600"])
    assert called == [[str(bootstrap.ROOT / ".venv/bin/python"), "-m", "app", "studio", "--port", "8600"]]


def test_the_choice_of_engine_is_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setenv("RUNG_ENGINE", "cpu")
    monkeypatch.setattr(bootstrap, "check_platform", lambda: None)
    monkeypatch.setattr(bootstrap, "plan", lambda target, root, build: [])
    bootstrap.set_up("setup", tmp_path, Console(out))
    first, last = out.getvalue().splitlines()
    assert first == "CPU build of vLLM: RUNG_ENGINE=cpu"
    assert last.startswith("set-up was already complete")
