"""Says where loosely typed JSON is not of the shape that it has to be. Pure; knows nothing of what the shapes mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optimizers.errors import InputError

INT64 = 2**63
WORDS: Mapping[type, str] = {
    str: "a text", int: "a whole number", float: "a number", bool: "true or false", dict: "an object", list: "a list",
}  # fmt: skip


@dataclass(frozen=True)
class Maybe:
    """May be null or absent."""

    shape: Any


@dataclass(frozen=True)
class Each:
    """An object under any names, whose values are all of one shape."""

    shape: Any


def check(value: Any, shape: Any, where: str) -> None:
    """Raises InputError, naming the place, unless `value` fits `shape`.

    A shape is a type of JSON (`float` takes whole numbers too), a list of one shape, or a mapping of names to shapes,
    beside which an object may hold anything else.
    """
    if isinstance(shape, Maybe):
        if value is not None:
            check(value, shape.shape, where)
    elif isinstance(shape, Each):
        _of_type(value, dict, where)
        for name, found in value.items():
            check(found, shape.shape, f"{where}.{name}")
    elif isinstance(shape, Mapping):
        _of_type(value, dict, where)
        for name, wanted in shape.items():
            if name not in value and not isinstance(wanted, Maybe):
                raise InputError(f"{where} lacks {name}")
            check(value.get(name), wanted, f"{where}.{name}")
    elif isinstance(shape, list):
        _of_type(value, list, where)
        for at, found in enumerate(value, 1):
            check(found, shape[0], f"{where}, entry {at}")
    else:
        _of_type(value, shape, where)


def _of_type(value: Any, kind: type, where: str) -> None:
    if kind is float:
        fits = _is_number(value) and math.isfinite(value)
    elif kind is int:
        fits = isinstance(value, int) and not isinstance(value, bool) and -INT64 <= value < INT64
    else:
        fits = isinstance(value, kind)
    if not fits:
        raise InputError(f"{where} is not {WORDS[kind]}")


def _is_number(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return -INT64 <= value < INT64
    return isinstance(value, float)
