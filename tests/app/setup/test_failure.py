"""What a person reads when set-up stops."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.setup.failure import SetupFailure, explain, render


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (
            ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"],
            "The disk is full.",
        ),
        (
            [
                "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)'",
                "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)",
                "ERROR: No matching distribution found for torch==2.13.0",
            ],
            "The package index cannot be reached.",
        ),
        (
            ["ERROR: No matching distribution found for torch==2.13.0"],
            "The package index has no torch==2.13.0 for this Python and machine.",
        ),
        (["Error: ensurepip is not available"], "This Python has no venv module with pip."),
        (["PermissionError: [Errno 13] Permission denied: '.venv/bin'"], "A file may not be written."),
        (["mkdir: [Errno 30] Read-only file system: '.rung'"], "The file system is read-only."),
        (
            ["ssl.SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED"],
            "The package index's certificate was not accepted.",
        ),
        (["Tunnel connection failed: 407 Proxy Authentication Required"], "The package index or a proxy refused"),
        (["zipfile.BadZipFile: File is not a zip file"], "A downloaded package is damaged."),
        (["Traceback (most recent call last):", "MemoryError"], "The memory ran out."),
    ],
)
def test_known_causes(log: list[str], why: str) -> None:
    assert explain(log, 1)[0].startswith(why)


def test_a_full_disk_wins_over_what_follows_from_it() -> None:
    assert explain(["[Errno 28] No space left on device", "ERROR: Wheel 'x' is invalid"], 1)[0] == "The disk is full."


def test_an_unknown_cause_is_the_last_error() -> None:
    log = ["ERROR: first", "starting", "ValueError: the vocabulary is empty", "  in file x"]
    assert explain(log, 1)[0] == "ValueError: the vocabulary is empty"


def test_without_an_error_line_the_last_words_count() -> None:
    assert explain(["working", "it went wrong", ""], 1)[0] == "it went wrong"
    assert explain([], 3)[0] == "The command ended with exit code 3."


def test_a_killed_command_says_so() -> None:
    assert explain(["Collecting torch"], -9)[0].startswith("The command was ended by signal 9.")


def test_the_block_names_step_reason_remedy_and_log(tmp_path: Path) -> None:
    failure = SetupFailure(
        "The disk is full.", "Free space.", tmp_path / ".rung/setup/packages.log", ["ERROR: no space"]
    )
    failure.step = "step 2 of 4, packages (after 12 s)"
    assert render(failure, tmp_path).splitlines() == [
        "Set-up stopped at step 2 of 4, packages (after 12 s)",
        "  why   The disk is full.",
        "  do    Free space.",
        "  log   .rung/setup/packages.log",
        "        | ERROR: no space",
    ]
