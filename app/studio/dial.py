"""A number as a field and a slider beside it. The field takes any number and is what counts; the slider moves it over
round ones, wide apart where numbers are large, which no slider of Streamlit's own does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import streamlit as st

WIDTH = 180
"""Pixels."""
OPEN = -1.0
"""The slider's first place, for a field that is empty."""
ROUND = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


def round_steps(low: float, high: float) -> list[float]:
    """Round numbers from `low` to `high`, which are powers of ten, about a sixth of a power apart."""
    found, power = [], low
    while power < high:
        found += [digit * power for digit in ROUND]
        power *= 10
    return [float(f"{value:.12g}") for value in (*found, high)]


def slide(label: str, key: str, steps: Iterable[float], words: Callable[[float], str], empty: str = "") -> None:
    """Draws the slider of the field with that key, whose state is set. `empty` is what its first place is called, where
    the field may be empty. A number that somebody typed has a place of its own. Streamlit tells places by their words,
    so `words` has all digits."""
    now = st.session_state[key]
    value = OPEN if now is None else float(now)
    places = sorted({*steps, value, *([OPEN] if empty else [])})
    own = f"{key}_slide"
    # Set only when it is another: a slider that is being moved must not be put back to where it just was.
    if st.session_state.get(own) != value:
        st.session_state[own] = value

    def follow() -> None:
        moved = st.session_state[own]
        st.session_state[key] = None if moved == OPEN else moved

    st.select_slider(
        label, places, format_func=lambda place: empty if place == OPEN else words(place), key=own,
        on_change=follow, label_visibility="collapsed", width=WIDTH,
    )  # fmt: skip


def readable_sliders() -> None:
    """The value above a slider has the theme's accent, which on dark is too faint for text of its size; here it has the
    text's colour. Colour by Markdown would be read out, letter by letter, by a screen reader."""
    st.html("<style>[data-testid=stSliderThumbValue] {color: inherit !important}</style>")
