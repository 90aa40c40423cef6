"""`doctor`: what it looks at, and what it calls a problem."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from app.commands import doctor
from tests.app.commands.conftest import Rung


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vLLM that imports at once; the real one takes seconds."""
    monkeypatch.setattr(metadata, "version", lambda name: "0.32.0")
    monkeypatch.setattr(doctor, "import_module", lambda name: None)


def states(rung: Rung) -> dict[str, tuple[str, str]]:
    return {each["check"]: (each["state"], each["detail"]) for each in rung("doctor", "--json").json["checks"]}


@pytest.mark.usefixtures("starter")
def test_a_machine_in_good_order(rung: Rung) -> None:
    said = rung("doctor", "--json")
    assert said.code == 0
    assert said.json["schema"] == "rung.doctor/1"
    assert said.json["hardware"]["cores"] >= 1
    assert said.json["versions"]["rung"]
    found = states(rung)
    for check in (
        "processor",
        "accelerator",
        "engine",
        "model starter",
        "model starter-draft",
        "database",
        "worker",
        "prefix_caching",
    ):
        assert found[check][0] == "ok", check
    assert found["model starter"][1] == "LlamaForCausalLM, 0 MiB"
    assert "They are no assistants" in found["starter models"][1]
    assert "Ready to measure" in rung("doctor").out


def test_a_starter_that_is_not_whole_is_a_warning(rung: Rung, starter: Path) -> None:
    (starter / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    state, detail = states(rung)["model starter"]
    assert state == "warning"
    assert detail.endswith(
        "target/model.safetensors is no safetensors file; restore it with: git checkout -- starter/models"
    )
    assert rung("doctor").code == 0


def test_no_engine_is_a_problem(rung: Rung, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    said = rung("doctor")
    assert said.code == 3
    assert "vLLM is not installed" in said.out
    assert "1 problems" in said.out


def test_an_engine_that_does_not_import_is_a_problem(rung: Rung, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ImportError("libnuma.so.1: cannot open shared object file")

    monkeypatch.setattr(doctor, "import_module", broken)
    state, detail = states(rung)["engine"]
    assert state == "problem"
    assert "libnuma" in detail


def test_a_database_that_cannot_be_used_is_a_problem(rung: Rung, tmp_path: Path) -> None:
    said = rung("doctor", "--json", "--database", tmp_path)
    assert said.code == 3
    found = {each["check"]: each for each in said.json["checks"]}
    assert found["database"]["state"] == "problem"
    assert "cannot be opened" in found["database"]["detail"]
    assert found["worker"]["state"] == "warning"
