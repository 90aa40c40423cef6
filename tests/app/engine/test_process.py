"""An engine's process, from its start to its end, with the fake engine in every bad state vLLM can be in."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.engine import process
from app.engine.checkpoint import read_checkpoint
from app.engine.hardware import Hardware
from app.engine.memory_fit import GIB
from app.engine.plan import EnginePlan, plan_engine
from app.engine.priority import LOWEST, STEPS
from app.engine.process import EngineError, EngineProcess, group_members, tail
from app.engine.ready import is_ready
from optimizers.recipe import Recipe
from tests.app.processes import alive
from tests.fakes.launch import eventually

Launch = Callable[..., EngineProcess]


def plan_of(model: Path) -> EnginePlan:
    return plan_engine(read_checkpoint(model), Recipe(), Hardware("cpu", 2, 8 * GIB))


@pytest.fixture
def launch(
    fake_vllm: Callable[..., None], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Launch]:
    """Starts the fake engine with a behaviour; whatever still lives when the test ends is killed."""
    monkeypatch.setattr(process, "POLL_S", 0.02)
    monkeypatch.setattr(process, "TERM_GRACE_S", 0.5)
    started: list[EngineProcess] = []

    def start(**behaviour: object) -> EngineProcess:
        fake_vllm(**behaviour)
        started.append(EngineProcess(plan_of(model), tmp_path / "logs" / f"engine-{len(started)}.log"))
        return started[-1]

    yield start
    for engine in started:
        engine.stop()


def test_an_engine_stands_behind_the_process_that_measures_it(launch: Launch) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, launch().pid) == min(LOWEST, own + STEPS)


async def test_a_slow_engine_is_waited_for_and_ends_when_told(launch: Launch) -> None:
    engine = launch(fault="slow_start", start_s=0.3)
    assert not await is_ready(engine.base_url)
    await engine.wait_ready(60)
    assert await is_ready(engine.base_url)
    assert engine.exit_reason() is None
    assert os.getpgid(engine.pid) == engine.pid != os.getpgid(0)
    first_line = tail(engine.log_path).splitlines()[0]
    assert first_line.startswith("$ ")
    assert first_line.endswith(f"--port {engine.port}")

    engine.stop()
    assert group_members(engine.pid) == []
    assert engine.returncode is not None
    engine.stop()


async def test_an_early_exit_gives_the_cause_and_the_logs_name(launch: Launch) -> None:
    engine = launch(fault="early_exit", exit_log="core")
    with pytest.raises(EngineError) as caught:
        await engine.wait_ready(60)
    message = str(caught.value)
    assert message.startswith("the engine ended before it was ready: To serve at least one request with the model's")
    assert message.endswith("(log: engine-0.log)")
    assert "\n" not in message


@pytest.mark.parametrize("fault", ["never_ready", "hang_start"])
async def test_an_engine_that_never_becomes_ready_has_a_deadline(launch: Launch, fault: str) -> None:
    engine = launch(fault=fault)
    with pytest.raises(EngineError, match=r"was not ready within 1 s \(log: engine-0.log\)"):
        await engine.wait_ready(1)
    assert engine.exit_reason() is None
    engine.stop()
    assert not alive(engine.pid)


async def test_an_engine_that_ignores_sigterm_is_killed_with_its_child(launch: Launch, tmp_path: Path) -> None:
    engine = launch(fault="ignore_sigterm", child=True, child_pidfile=tmp_path / "child")
    await engine.wait_ready(60)
    child = int((tmp_path / "child").read_text())
    assert {member.pid for member in group_members(engine.pid)} == {engine.pid, child}
    engine.stop()
    assert not alive(engine.pid)
    assert not alive(child)


async def test_a_child_that_outlives_its_leader_is_ended_too(launch: Launch, tmp_path: Path) -> None:
    engine = launch(child=True, child_pidfile=tmp_path / "child")
    await engine.wait_ready(60)
    child = int((tmp_path / "child").read_text())
    os.kill(engine.pid, signal.SIGKILL)
    eventually(lambda: engine.returncode is not None, "the leader is gone")
    assert "killed (signal 9)" in str(engine.exit_reason())
    assert alive(child)
    engine.stop()
    eventually(lambda: not alive(child), "the child is gone")


def test_a_command_that_is_not_there(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNG_ENGINE_COMMAND", "/no/such/engine --really")
    with pytest.raises(EngineError, match="the engine command /no/such/engine cannot be started: No such file"):
        EngineProcess(plan_of(model), tmp_path / "engine.log")


def test_the_command_is_vllm_unless_named_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNG_ENGINE_COMMAND", "/opt/'my python' -m vllm")
    assert process.engine_command() == ("/opt/my python", "-m", "vllm")
    monkeypatch.delenv("RUNG_ENGINE_COMMAND")
    assert process.engine_command()[1:] == ("-m", "vllm.entrypoints.openai.api_server")


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    assert tail(log) == ""
    log.write_bytes(b"first\n" + b"\xff middle\n" + b"last\n")
    assert tail(log) == "first\n\ufffd middle\nlast\n"
    assert tail(log, limit=5) == "last\n"
