"""The Lab in one tab: the URL is what it shows, and whatever a person changes goes into the URL.

Widgets have keys of a generation. A link that was not made by this tab's own widgets (opened, typed, gone back to, or
a recipe that was loaded) begins a new one, so that every widget starts from what the link says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import NoReturn

import streamlit as st

from app.studio.lab_link import PARAMETERS, RECIPE, from_query, to_query
from app.studio.new_experiment import Choice, There

NAMES = (*PARAMETERS.values(), RECIPE)
PREVIEW_NAMES = (PREVIEWED, PRICED_AS) = ("preview_prompt", "priced_as")
ON_ITS_WAY_S = 1.0
"""A click may overtake the news of the last change to the URL, and then still carries the URL before it."""


@dataclass
class _Memory:
    """`query` is the URL that the tab shows, `before` the one that it replaced at `written_at`; `meant` what was
    chosen then; `order` the techniques that were ever on, as they were turned on or moved."""

    generation: int
    query: dict[str, str]
    base: Choice
    meant: dict[str, str]
    order: list[str]
    problems: tuple[str, ...]
    before: dict[str, str] | None = None
    written_at: float = 0.0


@dataclass(frozen=True)
class Opened:
    """`base` is what widgets show at first, `key` begins their keys."""

    base: Choice
    key: str
    problems: tuple[str, ...]


def open_link(otherwise: Callable[[], Choice], there: There) -> Opened:
    """What the URL stands for; `otherwise` gives what stands in where it says nothing. Who comes back from another page
    to a bare URL finds what was left there, in the URL too."""
    query = {name: st.query_params[name] for name in NAMES if name in st.query_params}
    memory: _Memory | None = st.session_state.get("lab")
    entered = memory is None or f"{_key(memory)}_model" not in st.session_state
    if memory is not None and entered and not query and memory.query:
        query = memory.query
        _write(query)
    if memory is None or entered or _is_another(memory, query):
        choice, problems = from_query(query, otherwise(), there)
        generation = 0 if memory is None else memory.generation + 1
        memory = _Memory(generation, query, choice, to_query(choice), list(choice.techniques), problems)
        st.session_state["lab"] = memory
    return Opened(memory.base, _key(memory), memory.problems)


def remember(choice: Choice) -> None:
    """Puts what is chosen into the URL, once it is not what the URL says."""
    memory: _Memory = st.session_state["lab"]
    query = to_query(choice)
    if query == memory.meant:
        return
    memory.before, memory.query, memory.meant = memory.query, query, query
    memory.written_at, memory.problems = monotonic(), ()
    _write(memory.query)


def _write(query: Mapping[str, str]) -> None:
    """Into the URL, in which the prompt that is previewed and what it is priced by stay."""
    kept = {name: st.query_params[name] for name in PREVIEW_NAMES if name in st.query_params}
    st.query_params.from_dict({**query, **kept})


def show(choice: Choice) -> None:
    """Puts another choice into the URL, which the next drawing follows as it would a link."""
    memory: _Memory = st.session_state["lab"]
    memory.before = None
    _write(to_query(choice))


def go_to(choice: Choice) -> NoReturn:
    show(choice)
    st.rerun()


def in_order(on: Iterable[str]) -> tuple[str, ...]:
    """What is on in the order that was chosen; what has just been turned on comes last."""
    memory: _Memory = st.session_state["lab"]
    chosen = list(on)
    memory.order = [*(key for key in memory.order if key in chosen)]
    memory.order += [key for key in chosen if key not in memory.order]
    return tuple(memory.order)


def move_up(key: str) -> None:
    order: list[str] = st.session_state["lab"].order
    at = order.index(key)
    if at:
        order[at - 1], order[at] = order[at], order[at - 1]


def _is_another(memory: _Memory, query: dict[str, str]) -> bool:
    late = query == memory.before and monotonic() - memory.written_at < ON_ITS_WAY_S
    return query != memory.query and not late


def _key(memory: _Memory) -> str:
    return f"lab{memory.generation}"
