"""What a fake engine is told: vLLM's flags (few are used, the rest accepted) and FAKE_ENGINE_* variables.

Does not cover what the settings do: see engine_plan (timing), engine_faults (faults), engine (the server).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PREFIX = "FAKE_ENGINE_"

START_FAULTS = frozenset({"slow_start", "early_exit", "hang_start", "never_ready", "ignore_sigterm"})
REQUEST_FAULTS = frozenset({"garbage", "half_stream", "http_500", "http_400", "stall", "die_midway"})


@dataclass(frozen=True)
class Flags:
    host: str
    port: int
    model: str
    served_name: str
    max_model_len: int
    prefix_caching: bool
    prompt_tokens_details: bool
    spec_tokens: int
    """Draft tokens per step; 0 without --speculative-config."""
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Behaviour:
    """One field per FAKE_ENGINE_* variable; the defaults answer 16 tokens at once."""

    faults: frozenset[str] = frozenset()
    fault_every: int = 1
    """A request fault strikes every Nth request; 1 is each of them."""
    fault_after_tokens: int = 2
    """Tokens sent before half_stream, stall and die_midway strike."""
    die_after: int = 1
    """Requests that die_midway answers before the one that it dies in."""
    start_s: float = 1.0
    exit_log: str = "direct"
    child: bool = False
    child_pidfile: Path | None = None
    ttft_ms: float = 0.0
    itl_ms: float = 0.0
    """Between chunks, however many tokens a chunk holds."""
    prefill_us: float = 0.0
    """Added to the time to first token for each prompt token that the prefix cache does not hold."""
    tokens: int = 16
    tokens_per_chunk: int = 0
    """0 leaves it to the engine: one, or more with speculative decoding."""
    spec_accept: int = 2
    """Draft tokens accepted per step."""
    role_chunk: bool = True
    role_lead_ms: float = 0.0
    reasoning: int = 0
    reasoning_key: str = "reasoning"
    """`reasoning` in vLLM 0.32; older servers say `reasoning_content`."""
    slots: int = 0
    """Requests that run at once, the rest wait; 0 is no limit."""
    log: Path | None = None
    dev_mode: bool = False
    """VLLM_SERVER_DEV_MODE=1, without which vLLM has no /reset_prefix_cache."""


def parse_flags(argv: Sequence[str]) -> Flags:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--model", default="fake")
    parser.add_argument("--served-model-name", nargs="+")
    parser.add_argument("--max-model-len", type=int, default=4096)
    parser.add_argument("--enable-prefix-caching", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--enable-prompt-tokens-details", action="store_true")
    parser.add_argument("--speculative-config", type=json.loads)
    known, _ = parser.parse_known_args(argv)
    speculative = known.speculative_config or {}
    return Flags(
        host=known.host,
        port=known.port,
        model=known.model,
        served_name=(known.served_model_name or [known.model])[0],
        max_model_len=known.max_model_len,
        prefix_caching=known.enable_prefix_caching,
        prompt_tokens_details=known.enable_prompt_tokens_details,
        spec_tokens=int(speculative.get("num_speculative_tokens", 1)) if speculative else 0,
        argv=tuple(argv),
    )


def parse_behaviour(environment: Mapping[str, str]) -> Behaviour:
    def text(name: str, default: object) -> str:
        return environment.get(PREFIX + name) or str(default)

    def path(name: str) -> Path | None:
        value = environment.get(PREFIX + name)
        return Path(value) if value else None

    default = Behaviour()
    faults = frozenset(text("FAULT", "none").split(",")) - {"none"}
    unknown = faults - START_FAULTS - REQUEST_FAULTS
    if unknown:
        known = ", ".join(sorted(START_FAULTS | REQUEST_FAULTS))
        raise ValueError(f"{PREFIX}FAULT: unknown {', '.join(sorted(unknown))}; known: none, {known}")
    return Behaviour(
        faults=faults,
        fault_every=int(text("FAULT_EVERY", default.fault_every)),
        fault_after_tokens=int(text("FAULT_AFTER_TOKENS", default.fault_after_tokens)),
        die_after=int(text("DIE_AFTER", default.die_after)),
        start_s=float(text("START_S", default.start_s)),
        exit_log=text("EXIT_LOG", default.exit_log),
        child=text("CHILD", 0) == "1",
        child_pidfile=path("CHILD_PIDFILE"),
        ttft_ms=float(text("TTFT_MS", default.ttft_ms)),
        itl_ms=float(text("ITL_MS", default.itl_ms)),
        prefill_us=float(text("PREFILL_US", default.prefill_us)),
        tokens=int(text("TOKENS", default.tokens)),
        tokens_per_chunk=int(text("TOKENS_PER_CHUNK", default.tokens_per_chunk)),
        spec_accept=int(text("SPEC_ACCEPT", default.spec_accept)),
        role_chunk=text("ROLE_CHUNK", 1) == "1",
        role_lead_ms=float(text("ROLE_LEAD_MS", default.role_lead_ms)),
        reasoning=int(text("REASONING", default.reasoning)),
        reasoning_key=text("REASONING_KEY", default.reasoning_key),
        slots=int(text("SLOTS", default.slots)),
        log=path("LOG"),
        dev_mode=environment.get("VLLM_SERVER_DEV_MODE") == "1",
    )
