"""aiperf's environment: beside the engine's, from a lock of its own, which needs no torch."""

from __future__ import annotations

from pathlib import Path

from app.setup.packages import read_lock
from app.setup.rivals import aiperf

ROOT = Path(__file__).resolve().parents[3]


def test_it_stands_beside_the_engines_environment_and_has_a_lock_of_its_own() -> None:
    own = aiperf(ROOT)
    assert own.folder == ROOT / ".venv-aiperf"
    locked = read_lock(own.own_lock)
    assert {"aiperf", "pip"} <= set(locked)
    assert not {"torch", "vllm"} & set(locked)


def test_without_its_folder_it_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "aiperf.lock").write_text("aiperf==0.13.0\n")
    own = aiperf(tmp_path)
    assert not own.ready()
    assert own.problem() == ".venv-aiperf is no environment"
