"""A memory fit in words, the same on the page and on the command line. Pure."""

from __future__ import annotations

from app.analysis.metric import MISSING
from app.engine.checkpoint import Checkpoint
from app.engine.hardware import Hardware
from app.engine.memory_fit import GIB, GPU_SHARE, Fit, Room
from app.engine.plan import EngineOptions, plan_engine, refuse_weights
from app.words import count_of
from optimizers.errors import InputError
from optimizers.kv_blocks import block_tokens, whole_blocks
from optimizers.quantization import METHODS
from optimizers.recipe import Recipe
from optimizers.registry import techniques

MIB = 2**20


def verdict(fit: Fit) -> str:
    """One sentence, or two: whether it fits, and what the most is."""
    load, room = fit.load, fit.room
    asked = f"{count_of(load.requests, 'request')} of {load.context:,} tokens"
    usable = f"{amount(room.usable_bytes)} of {room.kind}"
    if fit.left_bytes < 0:
        return (
            f"Does not fit: the weights and the engine itself take {amount(fit.other_bytes)}, and there are {usable} "
            "for it."
        )
    if fit.kv_bytes is None:
        return f"Not known: the weights leave {amount(fit.left_bytes)} of {usable} for keys and values."
    if fit.fits:
        return f"Fits with {asked}; the most is {fit.most_requests:,}."
    needed = amount(fit.needed_bytes)
    most = f"At this context the most is {count_of(fit.most_requests or 0, 'request')}"
    longest = fit.longest_context
    context = "" if longest is None else f"; {load.requests:,} at once fit up to {longest:,} tokens"
    return f"Does not fit with {asked}: that takes {needed}, and there are {usable}. {most}{context}."


def parts(fit: Fit) -> list[tuple[str, int | None, str]]:
    """(name, bytes, how it comes about) of each part, in the order in which they are stacked."""
    load, room = fit.load, fit.room
    each = fit.kv_bytes_per_request
    return [
        (
            "Weights",
            fit.weight_bytes,
            "from the checkpoint's tensors" + (", 32 bits wide here" if room.full_width else ""),
        ),
        (
            "KV cache",
            fit.kv_bytes,
            "not known"
            if each is None
            else f"{count_of(load.requests, 'request')} x {amount(each)}, and a spare block",
        ),
        ("Activations", fit.activation_bytes, f"assumed, for steps of {room.step_tokens:,} tokens"),
        ("Engine", fit.engine_bytes, "assumed: " + _engine(room)),
    ]


def fit_rows(fit: Fit) -> list[dict[str, str]]:
    """The parts, their sum, and what there is."""
    share = f"at most {GPU_SHARE:.0%} of {amount(fit.room.total_bytes)}" if fit.room.device == "cuda" else ""
    rows = [(name, size, how) for name, size, how in parts(fit)]
    rows += [
        ("Together", fit.needed_bytes, ""),
        (f"{fit.room.kind} to be had", fit.room.usable_bytes, share or f"free of {amount(fit.room.total_bytes)}"),
    ]
    return [{"Part": name, "Memory": amount(size), "How it comes about": how or MISSING} for name, size, how in rows]


def refusals(checkpoint: Checkpoint, form: str, kv: str, hardware: Hardware) -> list[str]:
    """Why no engine here would serve these weights, in that form, or keys and values in theirs, however much memory
    there is."""
    barred = techniques().get("quantization").barred(hardware.surroundings())
    packed = [barred.get(("method", name)) for name, method in METHODS.items() if method.bits == 4]
    found = [packed[0] if form == "int4" and all(packed) else None, barred.get(("kv_cache_dtype", kv))]
    try:
        refuse_weights((checkpoint,), hardware)
    except InputError as error:
        found.append(str(error))
    return [f"An engine here would refuse it: {reason}." for reason in found if reason]


def layout_text(checkpoint: Checkpoint) -> str:
    """How this model keeps keys and values, with the formula's numbers where they are known."""
    layout = checkpoint.kv_layout
    if layout.unknown:
        return f"Its KV cache is not known: {layout.unknown}."
    layers = "; ".join(
        f"{group.count} layers of {group.numbers:,} numbers a token"
        + ("" if group.window is None else f" over the last {group.window:,} tokens")
        for group in layout.layers
    )
    return f"Keys and values, {layout.kind}: {layers}."


def planned_text(checkpoint: Checkpoint, hardware: Hardware, context: int) -> str:
    """What the engine gets where nobody says how large its KV cache is; empty where that is left to vLLM."""
    try:
        plan = plan_engine(checkpoint, Recipe(), hardware, EngineOptions())
    except InputError as error:
        return f"Started as it is, it would be refused: {error}."
    if plan.kv_cache_bytes is None:
        return f"Without --kv-cache-gib, vLLM gives the KV cache what is left of {GPU_SHARE:.0%} of the GPU."
    tokens = plan.kv_cache_tokens
    requests = 0 if tokens is None else tokens // whole_blocks(context, block_tokens(hardware.device))
    held = "" if tokens is None else f": {tokens:,} tokens, {count_of(requests, 'such request')}"
    return f"Without --kv-cache-gib, the engine gets a KV cache of {amount(plan.kv_cache_bytes)} here{held}."


def amount(count: int | None) -> str:
    """`1.21 GiB`, `27.1 MiB`; an en dash for what is not known."""
    if count is None:
        return MISSING
    size, unit = (count / GIB, "GiB") if abs(count) >= GIB else (count / MIB, "MiB")
    digits = 0 if abs(size) >= 100 else 1 if abs(size) >= 10 else 2
    return f"{size:,.{digits}f} {unit}"


def _engine(room: Room) -> str:
    return "CUDA's context and graphs" if room.device == "cuda" else "three processes with torch and vLLM"
