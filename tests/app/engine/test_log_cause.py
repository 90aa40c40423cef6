"""The cause in an engine's log, in the shapes that vLLM really writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.log_cause import exit_cause
from tests.fakes.engine_faults import FAILURES, log_start
from tests.fakes.engine_settings import parse_flags

USAGE = """INFO 07-01 10:00:00 [importing.py:68] Triton not installed
usage: api_server.py [-h] [--headless]
                     [--model MODEL]
api_server.py: error: argument --max-num-seqs: invalid int value: 'many'
"""
REMOTE_CODE = """(APIServer pid=77) Traceback (most recent call last):
(APIServer pid=77)   File "/opt/venv/config.py", line 1, in load
(APIServer pid=77)     raise ValueError(
(APIServer pid=77) ValueError: The repository some/model contains custom code which must be executed to correctly \
load the model. Please pass the argument `trust_remote_code=True` to allow custom code to be run.
"""
PORT = "ERROR 07-01 10:00:00 [launcher.py:9] boom\nOSError: [Errno 98] Address already in use\n"


def fake_log(shape: str, capfd: pytest.CaptureFixture[str]) -> str:
    flags = parse_flags(["--model", "/models/x", "--max-model-len", "2048"])
    log_start(flags)
    FAILURES[shape](flags)
    out, err = capfd.readouterr()
    return out + err


@pytest.mark.parametrize("shape", ["direct", "core"])
def test_no_room_for_the_kv_cache(shape: str, capfd: pytest.CaptureFixture[str]) -> None:
    cause = exit_cause(fake_log(shape, capfd), 1)
    assert cause.startswith("To serve at least one request with the model's max seq len (2048)")
    assert "give the KV cache more room (--kv-cache-gib) or serve a shorter context (--max-model-len)" in cause


def test_a_folder_that_is_no_model(capfd: pytest.CaptureFixture[str]) -> None:
    cause = exit_cause(fake_log("config", capfd), 1)
    assert cause.startswith("Unrecognized model in /models/x. Should have a `model_type` key in its config.json.")
    assert "type=value_error" not in cause


def test_a_flag_that_vllm_does_not_take() -> None:
    assert exit_cause(USAGE, 2) == "argument --max-num-seqs: invalid int value: 'many'"


def test_code_that_the_checkpoint_brings() -> None:
    assert exit_cause(REMOTE_CODE, 1).endswith("allow it only if you trust it (--trust-remote-code)")


def test_a_port_that_is_taken() -> None:
    assert exit_cause(PORT, 1) == (
        "[Errno 98] Address already in use (OSError); another program took the port; start again"
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [(-9, "killed (signal 9), often because memory ran out"), (-11, "segmentation fault"), (-6, "ended by signal 6")],
)
def test_a_signal_is_the_cause_where_the_log_has_none(code: int, says: str) -> None:
    assert says in exit_cause("INFO 07-01 10:00:00 [x.py:1] all is well\n", code)


def test_an_empty_log() -> None:
    assert exit_cause("", 1) == "the engine ended with exit code 1, and its log is empty"
    assert exit_cause("\n \n", 0) == "the engine ended with exit code 0, and its log is empty"


def test_a_log_without_a_cause_gives_its_last_line() -> None:
    log = "(APIServer pid=9) INFO 07-01 10:00:00 [x.py:1] reading\nwarming up\n\n"
    assert exit_cause(log, 3) == "the engine ended with exit code 3: warming up"


@given(st.text(max_size=400), st.one_of(st.none(), st.integers(-64, 255)))
def test_any_log_gives_one_short_line(log: str, code: int | None) -> None:
    cause = exit_cause(log, code)
    assert cause
    assert len(cause.splitlines()) == 1
    assert len(cause) < 600


def test_an_engine_that_died_says_of_what_and_not_that_it_died() -> None:
    log = (
        "(EngineCore pid=9) ERROR 11-28 18:43:39 [core.py:1512] RuntimeError: Worker failed with error ''_OpNamespace' "
        "'_C' object has no attribute 'cpu_gemm_wna16'', please check the stack trace above for the root cause\n"
        "(APIServer pid=7) ERROR 11-28 18:43:39 [async_llm.py:906] vllm.v1.engine.exceptions.EngineDeadError: "
        "EngineCore encountered an issue. See stack trace (above) for the root cause.\n"
    )
    assert exit_cause(log, 1).endswith("no kernel for 4-bit weights on this processor; choose an 8-bit checkpoint")
