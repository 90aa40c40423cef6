"""A stranger's technique, from the package in docs/techniques.md to the command line: installed, listed, usable."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.experiment.spec import ladder_rungs
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from optimizers.technique import Observation
from tests.fakes.launch import ROOT

SECTION = (ROOT / "docs" / "techniques.md").read_text().partition("\n## Write your own\n")[2]
EXAMPLE = dict(re.findall(r"\n`([\w.]+)`\n\n```\w+\n(.*?)```", SECTION, re.DOTALL))
"""File name -> what the documentation says is in it."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip installed the example into; pip needs no network for it."""
    source, target = tmp_path_factory.mktemp("package"), tmp_path_factory.mktemp("installed")
    for name, text in EXAMPLE.items():
        (source / name).write_text(text)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-index", "--no-build-isolation", "--target", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def registered(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as one that was started with the package on its path."""
    monkeypatch.syspath_prepend(installed)
    techniques.cache_clear()
    yield
    techniques.cache_clear()
    sys.modules.pop("prefill_cap", None)


def command(installed: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed), "RUNG_HOME": str(home)}
    environment.pop("RUNG_DATABASE_URL", None)
    whole = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(whole, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_documentation_has_the_whole_package() -> None:
    assert set(EXAMPLE) == {"pyproject.toml", "prefill_cap.py"}


def test_it_is_listed_with_its_settings(installed: Path, tmp_path: Path) -> None:
    said = command(installed, tmp_path, "techniques", "--json")
    assert said.returncode == 0, said.stderr
    offered = {item["technique"]: item for item in json.loads(said.stdout)["techniques"]}
    assert list(offered)[-1] == "prefill_cap"
    found = offered["prefill_cap"]
    assert (found["title"], found["unavailable"]) == ("Prefill cap", None)
    (setting,) = found["settings"]
    assert (setting["name"], setting["kind"], setting["default"], setting["minimum"]) == ("tokens", "int", 512, 16)


def test_its_settings_are_read_and_checked_on_the_command_line(installed: Path, tmp_path: Path) -> None:
    run = ("run", "--model", "starter", "--prompts", "unique", "--techniques", "prefill_cap", "--set")
    said = command(installed, tmp_path, *run, "prefill_cap.tokens=2")
    assert (said.returncode, said.stdout) == (2, "")
    expected = "rung: prefill_cap.tokens is 2, outside what is allowed (at least 16, at most 65536)\n"
    assert said.stderr == expected
    assert (
        "prefill_cap has no setting 'size'; it has: tokens"
        in command(installed, tmp_path, *run, "prefill_cap.size=64").stderr
    )


@pytest.mark.usefixtures("registered")
def test_it_takes_its_place_in_recipes_and_on_the_ladder() -> None:
    recipe = Recipe.of([("prefix_caching", {}), ("prefill_cap", {"tokens": 64})])
    assert recipe.title == "Prefix caching + Prefill cap"
    assert recipe.engine_flags()["--long-prefill-token-threshold"] == "64"
    assert "--long-prefill-token-threshold" not in Recipe().engine_flags()
    assert ladder_rungs()[-1].label == "+ Prefill cap"


@pytest.mark.usefixtures("registered")
def test_its_evidence_is_asked_as_any_other() -> None:
    technique = techniques().get("prefill_cap")
    delta = {"vllm:iteration_tokens_total_count": 4.0, "vllm:iteration_tokens_total_sum": 100.0}
    found = technique.evidence(technique.check({}), Observation(delta))
    assert (found.took_effect, found.figures) == (None, {"tokens_per_step": 25.0})
    assert technique.evidence(technique.check({}), Observation(None)).took_effect is None
