"""Choices whose state is in the link by a name of their own, where Streamlit's binding would put the shown text."""

from __future__ import annotations

from collections.abc import Mapping

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
