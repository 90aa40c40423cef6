"""Finds, in an engine's log, the cause that a person can act on. Pure."""

from __future__ import annotations

import re

PREFIX = re.compile(
    r"^(?:\([^)]*\bpid=\d+\)\s*)?"
    r"(?:(?:INFO|WARNING|ERROR|DEBUG|CRITICAL)\s+\d\d-\d\d \d\d:\d\d:\d\d\s+)?(?:\[[^\]]*\]\s?)?"
)
EXCEPTION = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?([A-Z]\w*(?:Error|Exception|Interrupt|Exit)): (.+)$")
VALIDATION = re.compile(r"^\s*(?:Value error|Assertion failed), (.+?)(?: \[type=.*)?$")
USAGE = re.compile(r"^\S*(?:api_server\.py|api_server|vllm\S*): error: (.+)$")
SECOND_HAND = (
    "engine core initialization failed",
    "engine process failed to start",
    "see root cause above",
    "stack trace (above) for the root cause",
)

REMEDIES = (
    ("kv cache", "give the KV cache more room (--kv-cache-gib) or serve a shorter context (--max-model-len)"),
    ("out of memory", "free memory, or choose a smaller model"),
    ("address already in use", "another program took the port; start again"),
    ("trust_remote_code", "the checkpoint brings its own code; allow it only if you trust it (--trust-remote-code)"),
    ("trust-remote-code", "the checkpoint brings its own code; allow it only if you trust it (--trust-remote-code)"),
    ("not supported for now", "this engine build does not know the architecture; choose another model"),
    ("no space left", "free some disk space"),
    (
        "cpu_gemm_wna16",
        "vLLM's CPU build has no kernel for 4-bit weights on this processor; choose an 8-bit checkpoint",
    ),
)
SIGNALS = {
    9: "killed (signal 9), often because memory ran out",
    11: "crashed (segmentation fault)",
    15: "ended (signal 15)",
}


def exit_cause(log: str, returncode: int | None) -> str:
    """One line: why the engine ended, with a remedy where one is known."""
    found = _last_exception(log)
    if found is None:
        if returncode is not None and returncode < 0:
            return f"the engine was {SIGNALS.get(-returncode, f'ended by signal {-returncode}')}"
        lines = [plain for line in log.splitlines() if (plain := PREFIX.sub("", line).strip())]
        last = f": {lines[-1][:200]}" if lines else ", and its log is empty"
        return f"the engine ended with exit code {returncode}{last}"
    lowered = found.lower()
    remedy = next((text for word, text in REMEDIES if word in lowered), None)
    return f"{found}; {remedy}" if remedy else found


def _last_exception(log: str) -> str | None:
    found: str | None = None
    for raw in log.splitlines():
        line = PREFIX.sub("", raw).rstrip()
        usage, validation = USAGE.match(line), VALIDATION.match(line)
        exception = EXCEPTION.match(line.strip())
        if usage or validation:
            found = (usage or validation).group(1)  # type: ignore[union-attr]
        elif exception and not any(word in line.lower() for word in SECOND_HAND):
            found = f"{exception.group(2)} ({exception.group(1)})"
    return " ".join(found.split())[:400] if found else None
