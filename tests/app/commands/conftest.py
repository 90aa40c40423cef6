"""Commands as a person types them, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.__main__ import main


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """All of stdout, which must be one document."""
        return json.loads(self.out)


Rung = Callable[..., Said]


def check(said: Said, *parts: str) -> None:
    """That the command refused its input in one line that holds these parts."""
    assert said.code == 2, said
    assert said.out == ""
    assert said.err.startswith("rung: ")
    assert said.err.count("\n") == 1, said.err
    for part in parts:
        assert part in said.err


@pytest.fixture
def rung(settings: object, capsys: pytest.CaptureFixture[str]) -> Rung:
    """`rung("compare", 1, 2)`: exit code and output, on a state folder of the test's own."""

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A file of four questions that share a beginning."""
    path = tmp_path / "questions.jsonl"
    shared = " ".join(f"rule{at}" for at in range(40))
    rows = ({"id": f"q{at}", "prompt": f"{shared} question number {at} please", "expected": "x"} for at in range(4))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
