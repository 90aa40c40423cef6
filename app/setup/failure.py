"""From a failed step's log to one reason and one remedy.

Covers what goes wrong on other people's machines: network, disk, rights, a Python without venv. A cause that is not
known here is shown as the log's own last error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TRY_AGAIN = "What is already done is kept: run the same command again."


@dataclass(frozen=True)
class Cause:
    pattern: re.Pattern[str]
    why: str
    remedy: str


def _cause(pattern: str, why: str, remedy: str) -> Cause:
    return Cause(re.compile(pattern, re.IGNORECASE), why, remedy)


# Ordered: without a network pip ends on "no matching distribution", and a full disk can end on a broken wheel.
CAUSES = (
    _cause(
        r"No space left on device|Errno 28\b|Disk quota exceeded",
        "The disk is full.",
        "Free space on the disk that holds .venv and the temporary folder (TMPDIR moves that one). " + _TRY_AGAIN,
    ),
    _cause(
        r"ensurepip is not available|No module named '?(ensurepip|venv)",
        "This Python has no venv module with pip.",
        "Install it (on Debian and Ubuntu: apt-get install python3.11-venv), or name another Python: PYTHON=...",
    ),
    _cause(
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError",
        "The package index's certificate was not accepted.",
        "Check the clock and the proxy; PIP_CERT names a file of further certificates. " + _TRY_AGAIN,
    ),
    _cause(
        r"\b(401|403|407) (Client )?(Error|Unauthorized|Forbidden|Proxy)|Tunnel connection failed",
        "The package index or a proxy refused the download.",
        "Check pip's settings (python -m pip config list) and the proxy variables. " + _TRY_AGAIN,
    ),
    _cause(
        r"NewConnectionError|NameResolutionError|Temporary failure in name resolution|Network is unreachable"
        r"|Connection refused|ConnectTimeout|ReadTimeout|Read timed out|Connection (was )?reset|ProtocolError"
        r"|IncompleteRead|RemoteDisconnected|Could not resolve|Temporary failure resolving",
        "The package index cannot be reached.",
        "Check the network, the proxy and pip's settings (python -m pip config list). " + _TRY_AGAIN,
    ),
    _cause(
        r"Read-only file system|Errno 30\b",
        "The file system is read-only.",
        "Put the project on a disk that can be written to.",
    ),
    _cause(
        r"Permission denied|Errno 13\b|Operation not permitted",
        "A file may not be written.",
        "Give this user the rights to the project folder (a run as another user may have left files), then try again.",
    ),
    _cause(
        r"No matching distribution found for (?P<what>[^\s(]+)",
        "The package index has no {what} for this Python and machine.",
        "Locked packages exist for Python 3.11 on Linux x86-64. If the index is a mirror, it may lack this one.",
    ),
    _cause(
        r"\bMemoryError\b|Cannot allocate memory|out of memory",
        "The memory ran out.",
        "Close what else needs memory. " + _TRY_AGAIN,
    ),
    _cause(
        r"BadZipFile|Wheel .* is invalid|hash(es)? (mismatch|do not match)",
        "A downloaded package is damaged.",
        "Empty pip's cache (python -m pip cache purge), then run the same command again.",
    ),
)

_ERROR_LINE = re.compile(r"^\s*(?:ERROR|error|E):\s*(?P<text>.+)|^(?P<exception>[\w.]*(?:Error|Exception)\b.*)")


class SetupFailure(Exception):
    """A step cannot go on. `why` and `remedy` are sentences for a person; `log` and `tail` say where they come from,
    `step` where it happened."""

    def __init__(self, why: str, remedy: str = _TRY_AGAIN, log: Path | None = None, tail: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy
        self.log = log
        self.tail = tuple(tail)
        self.step = "the start"


def explain(lines: Sequence[str], exit_code: int) -> tuple[str, str]:
    """Why a command failed and what to do, from its output."""
    text = "\n".join(lines)
    for cause in CAUSES:
        found = cause.pattern.search(text)
        if found:
            return cause.why.format(**found.groupdict()), cause.remedy
    if exit_code < 0:
        hint = " Signal 9 is often the kernel's, for want of memory." if exit_code == -9 else ""
        return f"The command was ended by signal {-exit_code}.{hint}", _TRY_AGAIN
    for line in reversed(lines):
        found = _ERROR_LINE.match(line)
        if found:
            return (found["text"] or found["exception"]).strip(), "The log has the whole story. " + _TRY_AGAIN
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return (
        last or f"The command ended with exit code {exit_code}.",
        "The log has the whole story. " + _TRY_AGAIN,
    )


def render(failure: SetupFailure, root: Path) -> str:
    """The block that a person sees; paths are relative to the repository."""
    rows = [f"Set-up stopped at {failure.step}", f"  why   {failure.why}", f"  do    {failure.remedy}"]
    if failure.log is not None:
        log = failure.log.relative_to(root) if failure.log.is_relative_to(root) else failure.log
        rows.append(f"  log   {log}")
    rows += [f"        | {line[:200]}" for line in failure.tail]
    return "\n".join(rows)
