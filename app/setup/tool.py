"""The environment of one tool, beside .venv: it ties itself to other versions than the engine does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.setup.command import Shell
from app.setup.environment import Environment
from app.setup.packages import listed, read_lock
from app.setup.steps import Facts, Step, digest


@dataclass(frozen=True)
class ToolEnvironment(Environment):
    """`probe` is code that imports what the tool needs. `sources` are packages that have no wheel: they are built here,
    with the build tools of the lock. `free_gib` is what the disk must have free for all of it."""

    tool: str = ""
    probe: str = ""
    free_gib: float = 0.0
    sources: tuple[str, ...] = ()

    @property
    def own_lock(self) -> Path:
        return self.lock(self.tool)

    def all_steps(self) -> list[Step]:
        pins = read_lock(self.own_lock)
        return [
            Step(
                f"{self.tool}-environment",
                f"environment of {self.tool} ({self.name})",
                "python 3.11",
                lambda facts: self.problem(),
                self._make,
            ),
            Step(
                f"{self.tool}-packages",
                f"{len(pins)} packages of {self.tool}",
                digest(self.own_lock),
                lambda facts: self._fault_text(pins) or self._torch_misses(),
                self._install_tool,
            ),
        ]

    def ready(self) -> bool:
        """Whether it is there and as its lock says, by a look at the files alone."""
        return self.python.is_file() and not self._fault_text(read_lock(self.own_lock))

    def installed(self) -> bool:
        """As `ready`, many times faster and without noticing a file that was lost or cut off since."""
        return self.python.is_file() and listed(self.site, read_lock(self.own_lock))

    def _install_tool(self, shell: Shell, facts: Facts) -> Facts:
        pins = read_lock(self.own_lock)
        self._remove(shell, sorted(set(facts.get("installed", [])) - set(pins)))
        if not self.ready():
            self._need_space(self.free_gib)
        self._install(shell, {"pip": pins["pip"]})
        self._install(shell, {name: version for name, version in pins.items() if name not in self.sources})
        if self.sources:
            self._install(shell, {name: pins[name] for name in self.sources}, from_source=True)
        if self._torch_misses():
            self._complete_torch(shell, pins["torch"], self.own_lock)
        shell.run(
            [str(self.python), "-c", self.probe],
            activity=lambda line: "trying the imports",
            extra_env={"HF_HUB_OFFLINE": "1"},
        )
        return {"installed": sorted(pins)}
