"""`make studio` and `make test` begin here: from a fresh clone to everything they need, then the command itself.

    python3.11 -m app.bootstrap studio [arguments of `python -m app studio`]
    python3.11 -m app.bootstrap setup|bench|tools|tests    set up what these need, and stop there
    python3.11 -m app.bootstrap quantizers|awq|llmcompressor    the quantizers' own environments, or one of them
    python3.11 -m app.bootstrap rivals    the environment of aiperf, which `bench` has too

Runs on a bare Python 3.11; the steps are in app/setup. It asks nothing, and a start with nothing left to do takes well
under a second.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from app.setup.command import Shell
from app.setup.console import Console
from app.setup.content import browser, database, starter_models, state_home
from app.setup.engine_build import EngineBuild, check_platform, choose, detect_gpus
from app.setup.environment import Environment
from app.setup.failure import SetupFailure, explain, render
from app.setup.quantizers import PROBES, QuantizerEnvironment
from app.setup.rivals import aiperf
from app.setup.steps import Stamps, Step, only_one, run_steps

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ("studio", "setup", "bench", "tools", "tests", "quantizers", "rivals", *PROBES)


def plan(target: str, root: Path, build: EngineBuild) -> list[Step]:
    if target in ("quantizers", *PROBES):
        tools = PROBES if target == "quantizers" else (target,)
        return [step for tool in tools for step in QuantizerEnvironment.of(root, tool).all_steps()]
    if target == "rivals":
        return aiperf(root).all_steps()
    environment = Environment(root)
    home = state_home(root)
    steps: list[Step] = []
    if target in ("studio", "setup", "bench", "tests"):
        steps.append(starter_models(root))
    steps += environment.steps(build, test_tools=target in ("tools", "tests", "bench"))
    if target in ("studio", "setup"):
        steps.append(database(root, environment.python, home))
    if target in ("tests", "bench"):
        steps.append(browser())
    if target == "bench":
        steps += aiperf(root).all_steps()
    return steps


def set_up(target: str, root: Path, console: Console) -> None:
    started = time.monotonic()
    # Beside .venv and not under RUNG_HOME: two homes share one environment, so they share its lock and stamps.
    folder = root / ".rung" / "setup"
    check_platform()
    build = choose(detect_gpus(), os.environ.get("RUNG_ENGINE", "auto"))
    with only_one(folder, console) as held:
        console.say(f"{build.title}: {build.why}")
        shell = Shell(root, folder / "setup.log", console, (held,))
        worked = run_steps(plan(target, root, build), Stamps(folder), shell)
    seconds = time.monotonic() - started
    console.say(f"set-up {'finished' if worked else 'was already complete'} ({seconds:.1f} s)")


def start(python: Path, arguments: Sequence[str]) -> NoReturn:
    """In place of this process, so that signals and the exit code are the studio's own."""
    os.execv(python, [str(python), "-m", "app", *arguments])  # noqa: S606 - no shell is wanted


def main(arguments: Sequence[str]) -> int:
    target = arguments[0] if arguments else ""
    if target not in TARGETS or (len(arguments) > 1 and target != "studio"):
        print(f"rung: give one of {', '.join(TARGETS)} (`make help` lists what there is)", file=sys.stderr)
        return 2
    if sys.version_info[:2] != (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        print(
            f"rung: this is Python {found}, Rung needs 3.11: name it with PYTHON=/path/to/python3.11", file=sys.stderr
        )
        return 2
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        set_up(target, ROOT, Console())
    except KeyboardInterrupt:
        print("\nstopped; the next start goes on from here", file=sys.stderr)
        return 130
    except SetupFailure as failure:
        print("\n" + render(failure, ROOT), file=sys.stderr)
        return 1
    except OSError as error:  # a full or read-only disk can also stop set-up's own writing
        print("\n" + render(SetupFailure(*explain([str(error)], 1)), ROOT), file=sys.stderr)
        return 1
    if target == "studio":
        start(Environment(ROOT).python, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
