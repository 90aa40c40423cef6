"""A memory fit in words, the same on the page and on the command line. Pure."""

from __future__ import annotations

from app.analysis.metric import MISSING
from app.engine.memory_fit import GIB, Fit, Room
from app.words import count_of

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
        ("Weights", fit.weight_bytes, "from the checkpoint's tensors"),
        (
            "KV cache",
            fit.kv_bytes,
            "not known"
            if each is None
            else f"{count_of(load.requests, 'request')} x {amount(each)}, and the block that vLLM holds back",
        ),
        ("Activations", fit.activation_bytes, f"assumed, for steps of {room.step_tokens:,} tokens"),
        ("Engine", fit.engine_bytes, "assumed: " + _engine(room)),
    ]


def amount(count: int | None) -> str:
    """`1.21 GiB`, `27.1 MiB`; an en dash for what is not known."""
    if count is None:
        return MISSING
    size, unit = (count / GIB, "GiB") if abs(count) >= GIB else (count / MIB, "MiB")
    digits = 0 if abs(size) >= 100 else 1 if abs(size) >= 10 else 2
    return f"{size:,.{digits}f} {unit}"


def _engine(room: Room) -> str:
    return "CUDA's context and graphs" if room.device == "cuda" else "three processes with torch and vLLM"
