"""`studio` and `worker`: the processes that stay up. The studio command supervises both Streamlit and the worker."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Sequence
from contextlib import suppress

import psutil

from app.commands.common import BAD_INPUT, DONE, OneLineParser, add_database, open_store
from app.engine.priority import PAGES_STEPS, put_behind
from app.interchange.bundled import offer_recordings
from app.prompts.saved import save_starter_sets
from app.worker import WorkerBusyError, run_worker
from optimizers.errors import InputError
from store.settings import ROOT, Settings

PAGES = "streamlit"
POLL_S = 0.5
RESTART_PAUSE_S = 2.0
STOP_PATIENCE_S = 20.0
READY_PATIENCE_S = 60.0
LOCAL = ("127.0.0.1", "localhost", "::1")
ANY = ("0.0.0.0", "::")  # noqa: S104 - only told apart from others
SHARED = (
    "rung: whoever can reach this address can start experiments and read every prompt; --read-only lets them only "
    "look, and docs/sharing.md says how to ask for a login"
)


def add_commands(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    studio = commands.add_parser("studio", help="open the studio in the browser")
    studio.add_argument("--port", type=int, default=8501)
    studio.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine only)")
    studio.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="a further name that browsers may open the studio by, e.g. behind a proxy",
    )  # fmt: skip
    studio.add_argument("--no-browser", action="store_true")
    studio.add_argument("--read-only", action="store_true", help="everybody sees results; nobody can change anything")
    add_database(studio)
    studio.set_defaults(run=studio_command)

    worker = commands.add_parser("worker", help="run queued experiments until stopped")
    worker.add_argument("--wait", action="store_true", help="while another worker has the store, wait for its end")
    add_database(worker)
    worker.set_defaults(run=worker_command)


def worker_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    try:
        run_worker(store, settings, arguments.wait)
    except WorkerBusyError as error:
        raise InputError(f"{error}; it will run what is queued") from None
    return DONE


def studio_command(arguments: argparse.Namespace) -> int:
    store, settings = open_store(arguments)
    save_starter_sets(store)
    for problem in offer_recordings(store):
        print(f"rung: {problem}", file=sys.stderr)
    _check_port(arguments.host, arguments.port)
    environment = {
        **os.environ,
        "RUNG_DATABASE_URL": settings.database_url,
        "RUNG_HOME": str(settings.home),
        # Streamlit puts the script's folder first on its path; pages import from the root.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    } | ({"RUNG_READ_ONLY": "1"} if arguments.read_only else {})
    names = names_of(arguments.host, arguments.allow_host)
    commands = {
        "worker": [sys.executable, "-m", "app", "worker", "--wait"],
        PAGES: [
            sys.executable, "-m", "streamlit", "run", str(ROOT / "app" / "server.py"),
            "--server.port", str(arguments.port), "--server.address", arguments.host,
            "--server.headless", "true",
            *(part for name in names for part in ("--server.allowedHosts", name)),
        ],
    }  # fmt: skip
    if not is_local(arguments.host):
        print(SHARED, file=sys.stderr)
    here, there = ("127.0.0.1", socket.gethostname()) if arguments.host in ANY else (arguments.host, arguments.host)
    urls = f"http://{here}:{arguments.port}", f"http://{there}:{arguments.port}"
    announce = threading.Thread(
        target=_announce, args=(*urls, not arguments.no_browser and _has_display()), daemon=True
    )
    announce.start()
    return _supervise(commands, environment, settings)


def names_of(host: str, further: Sequence[str]) -> list[str]:
    """The host names that browsers may use: this machine's own where others can reach it, and what was allowed."""
    names = [*LOCAL, *further]
    if not is_local(host):
        names += [host, socket.gethostname(), socket.getfqdn()]
    if host in ANY:
        found = (each for addresses in psutil.net_if_addrs().values() for each in addresses)
        names += [each.address.split("%")[0] for each in found if each.family in (socket.AF_INET, socket.AF_INET6)]
    return list(dict.fromkeys(names))


def is_local(host: str) -> bool:
    return host in LOCAL or host.startswith("127.")


def _announce(url: str, told: str, open_browser: bool) -> None:
    """Says where the studio is once it answers, not before: an early click would find nothing. `told` is its URL for
    people, who may be at another machine."""
    began = time.monotonic()
    while time.monotonic() - began < READY_PATIENCE_S:
        with suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as response:  # noqa: S310
            if response.status == 200:
                print(
                    f"rung: the studio is at {told} ({time.monotonic() - began:.1f} s); Ctrl-C stops it",
                    file=sys.stderr,
                )
                if open_browser:
                    webbrowser.open(url)
                return
        time.sleep(0.2)
    print("rung: the studio does not answer; its log is streamlit.log in the state folder's logs", file=sys.stderr)


def _supervise(commands: dict[str, list[str]], environment: dict[str, str], settings: Settings) -> int:
    """Keeps both processes up until told to stop."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    stopping = False

    def stop(_sign: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, stop)
    running: dict[str, subprocess.Popen[bytes]] = {}
    retry_at = dict.fromkeys(commands, 0.0)
    try:
        while not stopping:
            for name, command in commands.items():
                process = running.get(name)
                if process is not None and process.poll() is not None:
                    del running[name]
                    retry_at[name] = time.monotonic() + RESTART_PAUSE_S
                    if process.returncode not in (0, BAD_INPUT):
                        print(
                            f"rung: the {name} ended (exit code {process.returncode}) and is restarted", file=sys.stderr
                        )
                if name not in running and time.monotonic() >= retry_at[name]:
                    with (settings.logs / f"{name}.log").open("ab") as log:
                        running[name] = subprocess.Popen(
                            command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                            start_new_session=True,
                        )  # fmt: skip
                    if name == PAGES:
                        put_behind(running[name].pid, PAGES_STEPS)
            time.sleep(POLL_S)
    finally:
        for process in running.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in running.values():
            try:
                process.wait(timeout=STOP_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    return DONE


def _check_port(host: str, port: int) -> None:
    if not 1 <= port <= 65535:
        raise InputError(f"the port is {port}; give one from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"port {port} on {host} cannot be used ({error.strerror}); stop what uses it, or choose another: --port"
            ) from None


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin")
