"""What the What-if page reads, once for each state of the store: curves from runs' summaries, and API prices."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.analysis.break_even import break_even
from app.analysis.explain import ApiPrice, api_price
from app.analysis.load_curve import LoadCurve, Unanswered
from app.analysis.scenario import Scenario
from app.analysis.what_if import answer
from app.experiment.load_curves import CurveChoice, curve_choices, load_curve, without_caching
from app.studio.what_if_view import ROLES, Side
from optimizers.errors import InputError
from store.store import Store


@st.cache_data(show_spinner="Reading what was measured", max_entries=8)
def choices_of(_store: Store, url: str, version: str) -> list[CurveChoice]:
    """`version` changes when a run finishes."""
    return curve_choices(_store)


@st.cache_data(show_spinner="Reading the load curve", max_entries=128)
def curve_of(_store: Store, url: str, version: str, key: str) -> tuple[LoadCurve | None, LoadCurve | None, str]:
    """The curve, the one of the same recipe without prefix caching, and why there is none of the second or of both."""
    choices = choices_of(_store, url, version)
    choice = next((each for each in choices if each.key == key), None)
    if choice is None:
        return None, None, f"there is nothing measured with the number {key}"
    try:
        found = load_curve(_store, choice)
    except InputError as error:
        return None, None, str(error)
    return found, *without_caching(_store, found, choices)


@st.cache_data(show_spinner=False, max_entries=256)
def price_of(model: str, prompt_tokens: int) -> ApiPrice | str:
    """The price, or why there is none."""
    try:
        return api_price(model, prompt_tokens)
    except InputError as error:
        return str(error)


def side_of(
    role: str, scenario: Scenario, curve: LoadCurve, uncached: LoadCurve | None, api: ApiPrice | None
) -> Side:
    try:
        found = answer(scenario, curve, uncached)
    except Unanswered as refused:
        return Side(role, curve, None, str(refused))
    return Side(role, curve, found, api=None if api is None else break_even(scenario, found, api))


def sides_of(
    scenario: Scenario, curves: Sequence[tuple[LoadCurve | None, LoadCurve | None]]
) -> tuple[list[Side], str]:
    """The baseline, and the candidate where there is one; and why the API has no price, empty where it has one or none
    was asked for."""
    known = [(role, one, other) for role, (one, other) in zip(ROLES, curves, strict=False) if one is not None]
    api, problem = None, ""
    if scenario.api_model and known:
        tokens = scenario.tokens_in or known[0][1].mean("prompt_tokens") or 1000
        priced = price_of(scenario.api_model, round(tokens))
        api, problem = (None, priced) if isinstance(priced, str) else (priced, "")
    return [side_of(role, scenario, one, other, api) for role, one, other in known], problem


