"""The processor's name: as it gives it, and told apart where a virtual machine hides its number."""

from __future__ import annotations

import pytest

from app.engine import hardware


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["model\t\t: 143", "model name\t: Xeon Platinum 8488C", "cpu family\t: 6"], "Xeon Platinum 8488C"),
        (["cpu family\t: 26", "model\t\t: 2", "model name\t: AMD EPYC", ""], "AMD EPYC (family 26, model 2)"),
        (["model name\t: AMD EPYC"], "AMD EPYC"),
    ],
)
def test_a_name_without_a_number_has_the_generation_beside_it(
    monkeypatch: pytest.MonkeyPatch, lines: list[str], name: str
) -> None:
    monkeypatch.setattr(hardware, "_cpuinfo", lambda: lines)
    assert hardware.detect_hardware().cpu == name
