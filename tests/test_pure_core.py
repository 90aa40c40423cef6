"""The pure core stays pure: importing it loads no web framework, database, tensor library or engine. And imports point
one way."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import util
from pathlib import Path
from pkgutil import iter_modules

import pytest

from tests.fakes.launch import ROOT

FORBIDDEN = ("streamlit", "sqlalchemy", "torch", "vllm", "transformers")
PACKAGES = ("optimizers", "app.analysis")
MODULES = (
    "app.engine.builtin", "app.engine.checkpoint", "app.engine.log_cause", "app.engine.named_models", "app.engine.plan",
    "app.replay.load", "app.replay.stream",
)  # fmt: skip


def modules_of(package: str) -> list[str]:
    spec = util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return [f"{package}.{module.name}" for module in iter_modules([str(Path(spec.origin).parent)])]


def test_pure_modules_load_nothing_heavy() -> None:
    wanted = [*MODULES, *(name for package in PACKAGES for name in modules_of(package))]
    assert {"optimizers.registry", "app.analysis.compare"} <= set(wanted)
    # The registry is used too: loading techniques must be as light as importing them.
    script = (
        "import importlib, json, sys\n"
        f"for name in {wanted!r}: importlib.import_module(name)\n"
        "importlib.import_module('optimizers.registry').techniques()\n"
        f"print(json.dumps([name for name in {FORBIDDEN!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(
    ("package", "beneath"),
    [
        ("store", ("app", "pages", "optimizers.registry")),
        ("optimizers", ("app", "pages", "store")),
        ("app/analysis", ("app.views", "app.reports", "app.studio", "app.experiment")),
        ("app/views", ("app.reports", "app.studio", "app.commands")),
        ("app/reports", ("app.studio", "app.commands")),
        ("app/studio", ("app.commands", "pages")),
        ("app", ("pages",)),
    ],
)
def test_imports_point_one_way(package: str, beneath: tuple[str, ...]) -> None:
    """`beneath` are those that stand on this package."""
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name in imported_by(path)
        if any(name == other or name.startswith(f"{other}.") for other in beneath)
    ]
    assert wrong == []


def imported_by(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found += [f"{node.module}.{name.name}" for name in node.names]
    return found
