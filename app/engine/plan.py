"""The launch plan: recipe + checkpoint + hardware -> argv and environment. Pure; starts nothing.

Runs whose plans have equal keys share one engine. The port is no part of the plan: it is chosen at launch.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from app.engine.checkpoint import Checkpoint
from app.engine.hardware import Hardware
from app.engine.memory_fit import GIB, kv_number_bytes, kv_tokens
from optimizers.errors import InputError
from optimizers.kv_blocks import block_tokens, whole_blocks
from optimizers.recipe import Recipe
from optimizers.registry import techniques
from optimizers.technique import Surroundings

CPU_KV_GIB = 4.0
CPU_KV_SHARE = 0.25
CPU_KV_SEQUENCES = 64
"""On a CPU the cache is cleared page by page at every start: seconds for each GiB that nobody will use."""

PACKED_BITS = 4
AUTO = "auto"
WIDENED = (
    "this processor lacks AVX-512, and without it vLLM is several times slower in 16 bits than in 32: the engine "
    "computes in float32, unless --dtype on the command line says otherwise"
)
ANY_WIDTH = (None, "compressed-tensors", "torchao")
"""Quantizations whose engines compute in float32 too: `get_supported_act_dtypes` of vLLM 0.32's."""
DTYPES = (AUTO, "bfloat16", "float16", "half", "float32", "float")
"""`ModelDType` of vLLM 0.32."""
FULL_WIDTH = ("float32", "float")
"""Values of `--dtype` under which keys and values take 4 bytes a number."""
LEFT_TO_PEOPLE = {"enforce-eager"}
"""Set on a CPU to save a minute at each start; nothing that is measured is named after it."""


@dataclass(frozen=True)
class EngineOptions:
    """What a person may say about every engine of an experiment; None leaves it to Rung or to vLLM."""

    max_model_len: int | None = None
    kv_cache_gib: float | None = None
    dtype: str = AUTO
    trust_remote_code: bool = False
    extra_args: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"extra_args": list(self.extra_args)}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> EngineOptions:
        return replace(EngineOptions(), **{**document, "extra_args": tuple(document.get("extra_args", ()))})


@dataclass(frozen=True)
class EnginePlan:
    """`argv` follows the engine's command (`python -m vllm.entrypoints.openai.api_server`). `kv_cache_tokens` are those
    that requests may have in `kv_cache_bytes`, None where that is not known."""

    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    served_name: str
    chat: bool
    max_model_len: int | None
    kv_cache_bytes: int | None
    kv_cache_tokens: int | None
    notes: tuple[str, ...] = field(default=())

    @property
    def key(self) -> str:
        """Equal for engines that are the same; 12 hex digits."""
        text = json.dumps([self.argv, self.environment], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "argv": list(self.argv),
            "environment": dict(self.environment),
            "served_name": self.served_name,
            "max_model_len": self.max_model_len,
            "kv_cache_bytes": self.kv_cache_bytes,
            "notes": list(self.notes),
        }


def plan_engine(
    checkpoint: Checkpoint, recipe: Recipe, hardware: Hardware, options: EngineOptions | None = None
) -> EnginePlan:
    """Raises InputError for a model that writes nothing, for weights that nothing here multiplies by, when the KV cache
    cannot hold one request of the length that was asked for, for settings that this engine would refuse, and for
    further arguments that Rung gives by itself."""
    if checkpoint.architecture.endswith("ForTokenClassification"):
        raise InputError(f"{checkpoint.name} sorts tokens and writes none; name a language model to serve")
    refuse_weights((checkpoint,), hardware)
    options = options or EngineOptions()
    _refuse_unusable(recipe, Surroundings(hardware.device, True, checkpoint.config))
    notes: list[str] = []
    recipe_flags = recipe.engine_flags()
    block = block_tokens(hardware.device, int(recipe_flags.get("--block-size") or 0))
    dtype = _dtype(checkpoint, hardware, options, notes)
    number_bytes = kv_number_bytes(dtype in FULL_WIDTH, recipe_flags.get("--kv-cache-dtype") or "auto")
    kv_bytes = _kv_cache_bytes(checkpoint, hardware, options, block, number_bytes)
    held = None if kv_bytes is None else kv_tokens(checkpoint.kv_layout, kv_bytes, block, number_bytes)
    tokens = None if held is None else max(0, held - block)
    length = _context_length(checkpoint, kv_bytes, tokens, options, notes)
    flags: dict[str, str | None] = {
        "--model": str(checkpoint.folder),
        "--served-model-name": checkpoint.name,
        "--host": "127.0.0.1",
        "--dtype": dtype,
        # Without it the server counts cached tokens for itself only.
        "--enable-prompt-tokens-details": None,
    }
    if length is not None:
        flags["--max-model-len"] = str(length)
    if kv_bytes is not None:
        flags["--kv-cache-memory-bytes"] = str(kv_bytes)
    if hardware.device == "cpu":
        # Compilation takes a minute per engine on a CPU and gains little there; every rung goes without.
        flags["--enforce-eager"] = None
    if options.trust_remote_code:
        flags["--trust-remote-code"] = None
    flags.update(recipe_flags)
    _refuse_said_twice(flags, options.extra_args)
    argv = [part for flag, value in flags.items() for part in ((flag,) if value is None else (flag, value))]
    if not checkpoint.has_chat_template:
        notes.append("the checkpoint has no chat template: chat prompts are sent as plain text")
    return EnginePlan(
        argv=(*argv, *options.extra_args),
        environment=_environment(options),
        served_name=checkpoint.name,
        chat=checkpoint.has_chat_template,
        max_model_len=length,
        kv_cache_bytes=kv_bytes,
        kv_cache_tokens=tokens,
        notes=tuple(notes),
    )


def refuse_weights(loaded: Iterable[Checkpoint], hardware: Hardware) -> None:
    """Raises InputError for the first with weights that no kernel here multiplies by: an engine would load them, and
    die at its first request."""
    packed = next((each for each in loaded if each.quantized_bits == PACKED_BITS), None)
    if packed is not None and hardware.computes_in_32_bits:
        raise InputError(
            f"the weights of {packed.name} have {PACKED_BITS} bits, and vLLM's CPU build multiplies by those on "
            "processors with AVX-512 only; serve the original, or one of 8 bits"
        )


def _refuse_unusable(recipe: Recipe, surroundings: Surroundings) -> None:
    """Raises InputError for the first technique that cannot be launched there as it is set."""
    for use in recipe.uses:
        reason = techniques().get(use.key).unusable(use.settings, surroundings)
        if reason:
            raise InputError(f"{use.key} cannot be used so: {reason}")


def _refuse_said_twice(flags: Mapping[str, str | None], extra_args: Iterable[str]) -> None:
    """vLLM takes the last of two, a part of a setting by a dot, and any beginning of a name that is no other's: a rung
    would not be what it is called."""
    own = {_bare(flag) for flag in (*flags, "--port")} - LEFT_TO_PEOPLE
    for given in extra_args:
        if given.startswith("--") and any(flag.startswith(_bare(given)) for flag in own):
            raise InputError(
                f"--engine-arg {given}: Rung gives {given.partition('=')[0]} to vLLM itself; leave it out, and use "
                "Rung's own option or the technique that sets it"
            )


def _bare(flag: str) -> str:
    """`--no-enable_x=1` and `--enable-x.y=1` as `enable-x`: what an argument is about."""
    return flag.partition("=")[0].partition(".")[0].replace("_", "-").removeprefix("--").removeprefix("no-")


def _dtype(checkpoint: Checkpoint, hardware: Hardware, options: EngineOptions, notes: list[str]) -> str:
    """`auto` is vLLM's to read from the checkpoint, unless this processor is slow in what it would read."""
    if options.dtype != AUTO or not hardware.computes_in_32_bits or checkpoint.quantization not in ANY_WIDTH:
        return options.dtype
    notes.append(WIDENED)
    return FULL_WIDTH[0]


def _environment(options: EngineOptions) -> tuple[tuple[str, str], ...]:
    values = {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        # The model is a local folder by now; without this every start asks the hub for updates.
        "HF_HUB_OFFLINE": "0" if options.trust_remote_code else "1",
        # Adds /reset_prefix_cache, which makes every run start cold. The server listens on 127.0.0.1 only.
        "VLLM_SERVER_DEV_MODE": "1",
        # Empty means off: an engine that may not keep its bytecode compiles all of vLLM at every start.
        "PYTHONDONTWRITEBYTECODE": "",
    }
    return tuple(sorted(values.items()))


def _kv_cache_bytes(
    checkpoint: Checkpoint, hardware: Hardware, options: EngineOptions, block: int, number_bytes: int
) -> int | None:
    if options.kv_cache_gib is not None:
        if not 0 < options.kv_cache_gib < math.inf:
            raise InputError(f"the KV cache is {options.kv_cache_gib} GiB; give a size above 0")
        asked = int(options.kv_cache_gib * GIB)
        if hardware.device == "cpu" and asked > hardware.memory_bytes:
            have = hardware.memory_bytes / GIB
            raise InputError(
                f"no memory for the KV cache: {options.kv_cache_gib:g} GiB asked, the machine has {have:.1f} GiB; "
                "lower --kv-cache-gib"
            )
        return asked
    if hardware.device == "cuda":
        return None
    most = int(min(CPU_KV_GIB * GIB, CPU_KV_SHARE * hardware.memory_bytes))
    length, numbers = options.max_model_len or checkpoint.max_length, checkpoint.kv_layout.numbers_per_token
    if length is None or not numbers:
        return most
    # vLLM holds one block back.
    return min(most, (CPU_KV_SEQUENCES * whole_blocks(length, block) + block) * number_bytes * numbers)


def _context_length(
    checkpoint: Checkpoint, kv_bytes: int | None, tokens: int | None, options: EngineOptions, notes: list[str]
) -> int | None:
    """The context to serve: what was asked for, else the model's own, cut to the `tokens` that a request may have."""
    own, asked = checkpoint.max_length, options.max_model_len
    if asked is not None:
        if asked < 1:
            raise InputError(f"the context length is {asked}; give a whole number of at least 1")
        if own is not None and asked > own:
            raise InputError(f"the context length is {asked}, but {checkpoint.name} was made for {own} tokens")
    wanted = asked or own
    if kv_bytes is None or tokens is None or wanted is None or wanted <= tokens:
        return wanted
    room = f"{kv_bytes / GIB:.2g} GiB of KV cache hold a request of {tokens:,} tokens of {checkpoint.name}"
    if asked is not None or not tokens:
        raise InputError(
            f"no memory for the KV cache: {room}, {wanted:,} are asked for; "
            "raise --kv-cache-gib or lower --max-model-len"
        )
    notes.append(f"{room}, so the context is cut from {own:,} to {tokens:,} tokens")
    return tokens
