"""Choices whose state is in the link by a name of their own, where Streamlit's binding would put the shown text.

`options` map the value in the URL to what is shown, which may change, as an experiment's state does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from math import isfinite
from typing import Any

import streamlit as st

from app.studio.parts import link_problem
from app.views.wording import choice_of
from store.store import Store
from store.tables import ExperimentRow

NUMBER = re.compile("[0-9]{1,9}")


def dead_link(parameter: str, known: Container[str], what: str, instead: str = "another is shown") -> None:
    """Says so where the link names what is not here. To be called before the choice is drawn, which shows another. Of a
    choice that Streamlit binds by that name, the link counts only until it is drawn once: then it lags behind."""
    asked = st.query_params.get(parameter)
    if asked is not None and asked not in known and parameter not in st.session_state:
        link_problem(f"The link's {what}, {asked}, is not among these; {instead}.")


def linked_radio(label: str, options: Mapping[str, str], parameter: str) -> str:
    """One of a few; the first by default, which stays out of the link."""
    first = next(iter(options))
    key = _read(options, parameter, first)
    remember = _writer(key, parameter, unwritten=first)
    st.radio(label, list(options), format_func=options.__getitem__, key=key, on_change=remember, horizontal=True)
    return str(st.session_state[key])


def linked_choice(label: str, options: Mapping[str, str], parameter: str, default: str) -> str:
    """One of many, in a selectbox. The link names what was chosen even if it is the default, which may change."""
    key = _read(options, parameter, default)
    remember = _writer(key, parameter)
    st.selectbox(label, list(options), format_func=options.__getitem__, key=key, on_change=remember)
    return str(st.session_state[key])


def linked_many(
    label: str, options: Mapping[str, str], parameter: str, default: Sequence[str], besides: Mapping[str, str],
    most: int,
) -> list[str]:  # fmt: skip
    """Up to `most` of many, by commas in the link. A choice puts `besides` into the link too, as it rests on them."""
    key = f"chosen_{parameter}"
    asked = st.query_params.get(parameter)
    named = list(dict.fromkeys(name for name in (asked or "").split(",") if name in options))
    # Who took all away is shown none, and not the first ones again.
    st.session_state[key] = (named if named or asked == "" else list(default))[:most]

    def remember() -> None:
        st.query_params.update({**besides, parameter: ",".join(st.session_state[key])})

    st.multiselect(
        label, list(options), format_func=options.__getitem__, key=key, max_selections=most, on_change=remember
    )
    return list(st.session_state[key])


def linked_experiment(
    store: Store, rows: Sequence[ExperimentRow], default: ExperimentRow, barred: Callable[[ExperimentRow], str | None]
) -> tuple[ExperimentRow, str]:
    """One of `rows`, or one that the link names though it is too old to be among them; and what the link names in vain,
    in a sentence. `barred` says why one that is there cannot be shown."""
    by_id, problem = {str(row.id): row for row in rows}, None
    named = st.query_params.get("experiment")
    if named is not None and named not in by_id:
        row = store.experiments.find(int(named)) if NUMBER.fullmatch(named) else None
        problem = "is not here" if row is None else barred(row)
        if row is not None and problem is None:
            by_id[named] = row
    chosen = linked_choice(
        "Experiment", {key: choice_of(row) for key, row in by_id.items()}, "experiment", str(default.id)
    )
    said = "" if problem is None else f"The link names experiment {named}, which {problem}; another is shown."
    return by_id[chosen], said


def _read(options: Mapping[str, str], parameter: str, default: str) -> str:
    """The key of the widget's state, which is what the link names."""
    key, named = f"chosen_{parameter}", st.query_params.get(parameter)
    st.session_state[key] = named if named in options else default
    return key


def _writer(key: str, parameter: str, unwritten: str | None = None) -> Callable[[], None]:
    def remember() -> None:
        chosen = str(st.session_state[key])
        if chosen == unwritten:
            st.query_params.pop(parameter, None)
        else:
            st.query_params[parameter] = chosen

    return remember


def linked_limit(label: str, parameter: str, first: float, **options: Any) -> float:
    """A number above 0, or 0 for an empty field, which is no limit; `first` by default, whatever default the field had
    when it was drawn before. `options` are st.number_input's."""
    st.session_state[parameter] = _limit(st.query_params.get(parameter), first) or None

    def remember() -> None:
        chosen = st.session_state[parameter] or 0.0
        if chosen == first:
            st.query_params.pop(parameter, None)
        else:
            st.query_params[parameter] = f"{chosen:g}"

    st.number_input(label, 0.0, None, None, key=parameter, on_change=remember, placeholder="no limit", **options)
    return float(st.session_state[parameter] or 0.0)


def _limit(text: str | None, otherwise: float) -> float:
    try:
        value = float(text or "nan")
    except ValueError:
        return otherwise
    return value if isfinite(value) and value >= 0 else otherwise
