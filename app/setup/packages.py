"""What is installed in an environment, compared with a lock: missing, another version, damaged.

Only reads. A distribution counts as whole when every file of its RECORD is there with the recorded size, which finds
a deleted folder, a file cut off by a full disk and an install that was killed. 45,000 files take about 0.2 s.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

Pins = dict[str, str]

_NAME = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)$")
_REQUIRES = re.compile(r"^Requires-Dist:\s*(?P<name>[A-Za-z0-9._-]+)")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(*paths: Path) -> Pins:
    """Name to version. Raises ValueError for a line that is no exact pin."""
    pins: Pins = {}
    for path in paths:
        for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            line = raw.partition("#")[0].strip()
            found = _NAME.match(line)
            if line and not found:
                raise ValueError(f"{path.name}, line {number}: {line!r} is no exact pin (name==version)")
            if found:
                pins[canonical(found["name"])] = found["version"]
    return pins


@dataclass(frozen=True)
class Installed:
    name: str
    version: str
    info: Path

    def matches(self, version: str) -> bool:
        """A build tag such as torch's +cpu is the index's choice and not part of the pin."""
        return self.version == version or self.version.partition("+")[0] == version


@dataclass(frozen=True)
class Fault:
    """`broken` are leftovers that pip could not uninstall and that must go first."""

    name: str
    why: str
    broken: tuple[Path, ...] = ()


def site_packages(environment: Path) -> Path:
    return environment / "lib" / "python3.11" / "site-packages"


def installed(site: Path) -> dict[str, list[Installed]]:
    found: dict[str, list[Installed]] = {}
    if not site.is_dir():
        return found
    for entry in os.scandir(site):
        stem, dot, _ = entry.name.partition(".dist-info")
        name, dash, version = stem.rpartition("-")
        if dot and dash:
            dist = Installed(canonical(name), version, Path(entry.path))
            found.setdefault(dist.name, []).append(dist)
    return found


def faults(site: Path, pins: Mapping[str, str]) -> list[Fault]:
    """What pip has to install so that the environment is as the lock says."""
    present = installed(site)
    found = (_fault(name, version, present.get(name, []), site) for name, version in pins.items())
    return [fault for fault in found if fault is not None]


def listed(site: Path, pins: Mapping[str, str]) -> bool:
    """Whether every pin has been installed to its end, by the folders that pip leaves: no look at 45,000 files."""
    present = installed(site)
    return all(
        len(dists := present.get(name, [])) == 1 and dists[0].matches(version) and (dists[0].info / "RECORD").is_file()
        for name, version in pins.items()
    )


def _fault(name: str, version: str, dists: list[Installed], site: Path) -> Fault | None:
    if not dists:
        return Fault(name, "is missing")
    infos = tuple(dist.info for dist in dists)
    if len(dists) > 1:
        return Fault(name, "is there twice", infos)
    damage = _damage(dists[0].info, site)
    if damage:
        return Fault(name, damage, infos)
    if not dists[0].matches(version):
        return Fault(name, f"is {dists[0].version}, the lock says {version}")
    return None


def _damage(info: Path, site: Path) -> str | None:
    try:
        with (info / "RECORD").open(encoding="utf-8", newline="") as record:
            rows = list(csv.reader(record))
    except (OSError, UnicodeDecodeError, csv.Error):
        return "was left half installed"
    base = f"{site}/"
    own = f"{info.name}/RECORD"
    if not any(row and row[0] == own for row in rows):
        return "was left half installed"
    for row in rows:
        if len(row) != 3 or row[0].endswith(".pyc"):
            continue
        try:
            size = os.stat(base + row[0]).st_size  # noqa: PTH116 - a Path for each of 45,000 files takes a second
        except OSError:
            return f"lacks {row[0]}"
        if row[2] and size != int(row[2]):
            return f"has a damaged {row[0]}"
    return None


def leftovers(site: Path) -> list[Path]:
    """What pip renames away before it removes it, and leaves behind when it is killed."""
    return sorted(site.glob("~*")) if site.is_dir() else []


def required_by(site: Path, name: str) -> set[str]:
    """Names that the installed `name` asks for, extras aside."""
    names: set[str] = set()
    for dist in installed(site).get(name, []):
        metadata = dist.info / "METADATA"
        if metadata.exists():
            header = metadata.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
            wanted = (_REQUIRES.match(line) for line in header.splitlines() if "extra ==" not in line)
            names |= {canonical(found["name"]) for found in wanted if found}
    return names


def absent(site: Path, names: Iterable[str]) -> list[str]:
    present = installed(site)
    return sorted(name for name in names if name not in present)
