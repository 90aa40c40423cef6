"""The faults of a fake engine that strike the process, and which fault strikes which request.

Does not cover how a struck request is answered: see engine. The logs have the shape of vLLM 0.32's own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.fakes.engine_settings import Behaviour, Flags

CHILD_SECONDS = "600"  # a child that a failing test leaves behind ends by itself
_PACKAGES = "/opt/venv/lib/python3.11/site-packages"
_LOG_TIME = "%m-%d %H:%M:%S"


def log(process: str, where: str, message: str, level: str = "INFO") -> None:
    print(f"({process} pid={os.getpid()}) {level} {time.strftime(_LOG_TIME)} [{where}] {message}", flush=True)


def log_start(flags: Flags) -> None:
    log("APIServer", "api_utils.py:347", f"version 0.32.0  model {flags.model}")
    log("APIServer", "api_utils.py:286", f"arguments: {' '.join(flags.argv)}")
    log("APIServer", "model.py:2152", f"Using max model len {flags.max_model_len}")
    log("EngineCore", "core.py:133", f"Initializing a V1 LLM engine (v0.32.0): model={flags.model!r}")
    log("Worker", "cpu_model_runner.py:68", f"Starting to load model {flags.model}...")


def _kv_cause(flags: Flags) -> str:
    return (
        f"ValueError: To serve at least one request with the model's max seq len ({flags.max_model_len}), "
        "(0.38 GiB KV cache is needed, which is larger than the available KV cache memory (0.10 GiB). "
        "Based on the available memory, the estimated maximum model length is 1088. Try increasing "
        "`gpu_memory_utilization` (which also controls CPU memory on the CPU backend) or decreasing "
        "`max_model_len` when initializing the engine. See "
        "https://docs.vllm.ai/en/latest/configuration/conserving_memory/ for more details."
    )


def _traceback(*places: tuple[str, int, str, str]) -> list[str]:
    lines = ["Traceback (most recent call last):"]
    for path, line, name, code in places:
        lines += [f'  File "{_PACKAGES}/{path}", line {line}, in {name}', f"    {code}"]
    return lines


def _write(lines: list[str]) -> None:
    print("\n".join(lines), file=sys.stderr, flush=True)


def _fail_direct(flags: Flags) -> None:
    """The cause is the last line."""
    frame = ("vllm/v1/core/kv_cache_utils.py", 1030, "_check_enough_kv_cache_memory", "raise ValueError(")
    _write([*_traceback(frame), _kv_cause(flags)])


def _fail_core(flags: Flags) -> None:
    """What vLLM really does: the cause is in the core's traceback, the last error only points at it."""
    frame = ("vllm/v1/core/kv_cache_utils.py", 1030, "_check_enough_kv_cache_memory", "raise ValueError(")
    core = [*_traceback(frame), _kv_cause(flags)]
    log("EngineCore", "core.py:1510", "EngineCore failed to start.", "ERROR")
    for line in core:
        log("EngineCore", "core.py:1510", line, "ERROR")
    _write(["Process EngineCore:", *core])
    main = ("vllm/entrypoints/openai/api_server.py", 59, "<module>", "main()")
    wait = ("vllm/v1/engine/utils.py", 1431, "wait_for_engine_startup", "raise RuntimeError(")
    pointer = "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
    _write([*_traceback(main, wait), pointer])
    _write(
        [
            (
                "multiprocessing/resource_tracker.py:254: UserWarning: resource_tracker: There appear to be 1 "
                "leaked shared_memory objects to clean up at shutdown"
            ),
            "  warnings.warn('resource_tracker: There appear to be %d '",
        ]
    )


def _fail_config(flags: Flags) -> None:
    """A folder that is no model: the cause is the last line but one."""
    frame = ("vllm/engine/arg_utils.py", 1955, "create_model_config", "return ModelConfig(")
    _write(
        [
            *_traceback(frame),
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig",
            (
                f"  Value error, Unrecognized model in {flags.model}. Should have a `model_type` key in its "
                "config.json. [type=value_error, input_value=ArgsKwargs((), {'model': ...nderer_num_workers': "
                "1}), input_type=ArgsKwargs]"
            ),
            "    For further information visit https://errors.pydantic.dev/2.14/v/value_error",
        ]
    )


FAILURES = {"direct": _fail_direct, "core": _fail_core, "config": _fail_config}


@contextlib.contextmanager
def child_process(behaviour: Behaviour) -> Iterator[None]:
    """vLLM's EngineCore in outline: a second process of the same group, ended with the server if that can."""
    if not behaviour.child:
        yield
        return
    child = subprocess.Popen(["sleep", CHILD_SECONDS])
    if behaviour.child_pidfile:
        behaviour.child_pidfile.write_text(str(child.pid))
    try:
        yield
    finally:
        child.terminate()
        child.wait()


def ignore_sigterm_if_asked(behaviour: Behaviour) -> None:
    """Call before the child starts: an ignored signal stays ignored in it."""
    if "ignore_sigterm" in behaviour.faults:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def suffer_start(flags: Flags, behaviour: Behaviour) -> None:
    """Returns when the server may bind, which under some faults is never."""
    if "slow_start" in behaviour.faults:
        time.sleep(behaviour.start_s)
    if "early_exit" in behaviour.faults:
        FAILURES[behaviour.exit_log](flags)
        raise SystemExit(1)
    while "hang_start" in behaviour.faults:
        time.sleep(3600)


def request_fault(behaviour: Behaviour, number: int) -> str | None:
    """The fault that strikes the request with this number, counted from 1."""
    for fault in ("garbage", "half_stream", "http_500", "http_400", "stall"):
        if fault in behaviour.faults and number % behaviour.fault_every == 0:
            return fault
    if "die_midway" in behaviour.faults and number > behaviour.die_after:
        return "die_midway"
    return None
