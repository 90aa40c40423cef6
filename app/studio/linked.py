"""Choices whose state is in the link by a name of their own, where Streamlit's binding would put the shown text."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import streamlit as st


def linked_radio(label: str, options: Mapping[str, str], parameter: str) -> str:
    """One of `options`, which maps the value in the URL to what is shown; the first by default."""
    key, first = f"chosen_{parameter}", next(iter(options))
    named = st.query_params.get(parameter)
    st.session_state[key] = named if named in options else first

    def remember() -> None:
        chosen = st.session_state[key] or first
        if chosen == first:
            st.query_params.pop(parameter, None)
        else:
            st.query_params[parameter] = chosen

    st.radio(label, list(options), format_func=options.__getitem__, key=key, on_change=remember, horizontal=True)
    return str(st.session_state[key] or first)


def linked_limit(label: str, parameter: str, first: float, **options: Any) -> float:
    """A number from 0, `first` by default, whatever default the field had when it was drawn before. `options` are
    st.number_input's."""
    st.session_state[parameter] = _limit(st.query_params.get(parameter), first)

    def remember() -> None:
        chosen = st.session_state[parameter]
        if chosen in (None, first):
            st.query_params.pop(parameter, None)
        else:
            st.query_params[parameter] = f"{chosen:g}"

    st.number_input(label, 0.0, None, key=parameter, on_change=remember, **options)
    return float(st.session_state[parameter] or 0.0)


def _limit(text: str | None, otherwise: float) -> float:
    try:
        value = float(text or "nan")
    except ValueError:
        return otherwise
    return value if isfinite(value) and value >= 0 else otherwise
