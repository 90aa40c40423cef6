"""Starting the fake servers from tests and benchmarks, and ending them by process group.

Covers nothing of Rung's own engine process management, which is what the fakes are there to test.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.engine_settings import PREFIX
from tests.fakes.truth_plan import Behaviour

ROOT = Path(__file__).resolve().parents[2]
ENGINE_COMMAND = (sys.executable, "-m", "tests.fakes.engine")
INSTANT_COMMAND = (sys.executable, "-m", "tests.fakes.instant")
TRUTH_COMMAND = (sys.executable, "-m", "tests.fakes.truth")
BIND_SECONDS = 20.0
TERM_SECONDS = 3.0


@dataclass(frozen=True)
class Running:
    url: str
    port: int
    process: subprocess.Popen[bytes]
    output: Path
    """Standard output and error together."""

    def bound(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def wait_until_bound(self) -> None:
        eventually(lambda: self.process.poll() is not None or self.bound(), f"bound to {self.port}")
        if self.process.returncode is not None:
            code, output = self.process.returncode, self.output.read_text()
            raise RuntimeError(f"fake server exited with {code}:\n{output[-2000:]}")


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + BIND_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not so after {BIND_SECONDS:.0f} s: {what}")
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def engine_environment(**env: object) -> dict[str, str]:
    """`fault="stall"` and `FAKE_ENGINE_FAULT="stall"` are the same; True is 1, False 0."""
    return {
        name if name.isupper() else PREFIX + name.upper(): str(int(value) if isinstance(value, bool) else value)
        for name, value in env.items()
    }


@contextlib.contextmanager
def running(command: Sequence[str], extra_environment: Mapping[str, str]) -> Iterator[Running]:
    """The command with a free --port in a process group of its own; does not wait for it to bind."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="fake-") as folder:
        output = Path(folder, "output.log")
        with output.open("wb") as sink:
            process = subprocess.Popen(
                [*command, "--port", str(port)],
                cwd=ROOT,
                env={**_clean_environment(), **extra_environment},
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Running(f"http://127.0.0.1:{port}", port, process, output)
        finally:
            end_group(process)


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def end_group(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL for whatever is left of the group, its leader dead or not."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(TERM_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def engine_process(*flags: str, **env: object) -> Iterator[Running]:
    """A fake engine that may never bind. Has the extras that Rung's launch plans ask of vLLM switched on."""
    environment = {"VLLM_SERVER_DEV_MODE": "1", **engine_environment(**env)}
    with running([*ENGINE_COMMAND, "--enable-prompt-tokens-details", *flags], environment) as server:
        yield server


@contextlib.contextmanager
def fake_engine(*flags: str, **env: object) -> Iterator[str]:
    """The base URL, without /v1, of a fake engine that has bound."""
    with engine_process(*flags, **env) as server:
        server.wait_until_bound()
        yield server.url


@contextlib.contextmanager
def truth_server(behaviour: Behaviour) -> Iterator[str]:
    with running([*TRUTH_COMMAND, *behaviour.arguments()], {}) as server:
        server.wait_until_bound()
        yield server.url


@contextlib.contextmanager
def instant_server(chunks: int = 17) -> Iterator[str]:
    with running([*INSTANT_COMMAND, "--chunks", str(chunks)], {}) as server:
        server.wait_until_bound()
        yield server.url
