"""Commands of a step: what is logged, what is shown, what a failure carries."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from app.setup.command import Shell, distinct
from app.setup.console import Console
from app.setup.failure import SetupFailure
from app.setup.pip_progress import PipProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def shell(tmp_path: Path, terminal: Terminal) -> Shell:
    console = Console(terminal)
    console.start(2, 4, "packages")
    return Shell(tmp_path, tmp_path / "logs" / "packages.log", console)


def test_output_goes_to_the_log_and_the_last_line_is_shown(shell: Shell, terminal: Terminal) -> None:
    shell.run(python("print('one'); print('two')"))
    assert shell.log.read_text().splitlines()[1:] == ["one", "two"]
    assert "[2/4] packages  0 s  two" in terminal.getvalue()


def test_a_progress_bar_is_shown_and_only_its_end_is_logged(shell: Shell, terminal: Terminal) -> None:
    shell.run(python(r"import sys; sys.stderr.write('10 %\r50 %\r100 %\n')"))
    assert shell.log.read_text().splitlines()[1:] == ["100 %"]
    assert "50 %" in terminal.getvalue()


def test_a_failure_carries_reason_log_and_last_lines(shell: Shell) -> None:
    with pytest.raises(SetupFailure, match=r"The disk is full\.") as caught:
        shell.run(python("print('start'); raise OSError(28, 'No space left on device')"))
    assert caught.value.log == shell.log
    assert caught.value.tail[-1] == "OSError: [Errno 28] No space left on device"


def test_a_program_that_is_not_there(shell: Shell) -> None:
    with pytest.raises(SetupFailure, match="rung-no-such-program: No such file or directory"):
        shell.run(["rung-no-such-program"])


def test_output_that_is_not_text_and_has_no_end(shell: Shell) -> None:
    shell.run(python(r"import sys; sys.stdout.buffer.write(b'caf\xe9')"))
    assert shell.log.read_text().splitlines()[1:] == ["caf\N{REPLACEMENT CHARACTER}"]


def test_variables_that_mislead_pip_are_left_out(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_CERT", "kept")
    shell.run(python("import os; print(os.environ.get('PIP_TARGET'), os.environ.get('PIP_CERT'))"))
    assert shell.log.read_text().splitlines()[1] == "None kept"


def test_of_retries_one_is_shown() -> None:
    retries = [f"WARNING: Retrying (Retry(total={left})) after connection broken" for left in (4, 3, 2)]
    assert distinct(["Looking", *retries, "ERROR: gave up"]) == ["Looking", retries[2], "ERROR: gave up"]


def test_a_log_file_gets_few_lines(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(out)
    console.start(1, 1, "model")
    for step in range(100):
        console.activity(f"step {step}")
    assert out.getvalue() == "[1/1] model\n"


def test_pips_output_as_one_line() -> None:
    progress = PipProgress(3, lambda: 2)
    assert progress.activity("") == "0/3 asking the package index"
    assert progress.activity("  Downloading torch-2.13.0-cp311-none-any.whl.metadata (27 kB)") == (
        "0/3 asking the package index"
    )
    assert progress.activity("  Downloading torch-2.13.0-cp311-none-any.whl (190.5 MB)") == (
        "1/3 fetching torch 2.13.0 (190.5 MB)"
    )
    assert progress.activity("Progress 50 of 200").endswith("(190.5 MB) 25 %")
    assert progress.activity("Processing ./wheels/rich-15.0.0-py3-none-any.whl") == "2/3 fetching rich 15.0.0"
    assert progress.activity("Installing collected packages: torch, rich") == "unpacking: 2 of 3 in place"
    assert not progress.keep("Progress 50 of 200")
    assert progress.keep("ERROR: no")
