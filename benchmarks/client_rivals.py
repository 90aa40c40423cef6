"""Rung's client beside others, against the same server that answers 16 tokens at once, 64 requests in flight.

`python -m benchmarks.client_rivals [--requests 4000]`. vLLM's `bench serve` is the installed one, called by its module,
since its own command looks for a package of another name than the CPU build has. aiperf has an environment of its own,
which `make rivals` makes, as does `make bench`. Each client reports its own rate. Exit code 1 when Rung is not as many
times faster as it is meant to be.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

import uvloop

from app.replay.load import Schedule
from app.reports.text import plain_table, show
from app.setup.rivals import aiperf as aiperf_environment
from benchmarks.client_replay import answered, questions
from store.settings import ROOT, STARTER_MODELS
from tests.fakes.launch import instant_server

CONCURRENCY = 64
REACHES = {"vLLM bench serve": 4.0, "aiperf": 10.0}
"""How many times faster Rung is to be."""
VLLM = (
    "import asyncio; from vllm.benchmarks.serve import add_cli_args, main;"
    "from vllm.utils.argparse_utils import FlexibleArgumentParser as P;"
    "p = P(); add_cli_args(p); main(p.parse_args())"
)


def rung(url: str, requests: int) -> float:
    """With every answer parsed. Of more requests than the others send, so that it lasts longer than a second."""
    requests *= 5
    prompts = questions(requests)
    began = monotonic()
    uvloop.run(answered(url, prompts, Schedule("slots", CONCURRENCY)))
    return requests / (monotonic() - began)


def vllm(url: str, requests: int) -> float | str:
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "backend": "openai-chat", "base-url": url, "endpoint": "/v1/chat/completions", "model": "instant",
            "tokenizer": str(STARTER_MODELS / "target"), "dataset-name": "random", "random-input-len": "8",
            "random-output-len": "16", "num-prompts": str(requests), "max-concurrency": str(CONCURRENCY),
            "result-dir": folder, "result-filename": "result.json",
        }  # fmt: skip
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        command = [sys.executable, "-c", VLLM, *words, "--save-result", "--disable-tqdm"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
        path = Path(folder) / "result.json"
        if not path.exists():
            return _last_line(done)
        return float(json.loads(path.read_text())["request_throughput"])


def aiperf(url: str, requests: int) -> float | str:
    environment = aiperf_environment(ROOT)
    if not environment.ready():
        return "not installed: make rivals"
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "model": "instant", "url": url, "endpoint-type": "chat", "tokenizer": str(STARTER_MODELS / "target"),
            "concurrency": str(CONCURRENCY), "request-count": str(requests), "synthetic-input-tokens-mean": "8",
            "output-tokens-mean": "16", "artifact-dir": folder, "ui": "none",
        }  # fmt: skip
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        command = [str(environment.folder / "bin" / "aiperf"), "profile", *words, "--streaming"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = next(Path(folder).rglob("profile_export_aiperf.json"), None)
        if found is None:
            return _last_line(done)
        return float(json.loads(found.read_text())["request_throughput"]["avg"])


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr or done.stdout).strip().splitlines()
    return f"failed: {lines[-1][:160] if lines else 'it said nothing'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=4000)
    requests = parser.parse_args().requests
    with instant_server() as url:
        ours = rung(url, requests)
        others = {"vLLM bench serve": vllm(url, requests), "aiperf": aiperf(url, requests)}
    rows = [("Rung", f"{ours:,.0f}", "", "", "")]
    missed = False
    for name, found in others.items():
        reached = isinstance(found, float) and ours / found >= REACHES[name]
        told = (f"{found:,.0f}", f"{ours / found:.1f} times") if isinstance(found, float) else (found, "–")
        rows.append((name, *told, f"{REACHES[name]:g} times", "yes" if reached else "no"))
        missed = missed or not reached
    show(plain_table(("Client", "Requests/s", "Rung is", "Reach", "Reached"), rows, (1, 2, 3)))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
