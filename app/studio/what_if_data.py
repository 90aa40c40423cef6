"""What the What-if page reads, once for each state of the store: curves from runs' summaries, and API prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from app.analysis.break_even import break_even
from app.analysis.explain import ApiPrice, api_price
from app.analysis.load_curve import LoadCurve, Unanswered
from app.analysis.scenario import Scenario
from app.analysis.what_if import answer
from app.experiment.load_curves import CurveChoice, curve_choices, default_pair, load_curve, without_caching
from app.studio.session import leading_keys
from app.studio.what_if_view import ROLES, Side, prices_of
from optimizers.errors import InputError
from store.store import Store


@st.cache_data(show_spinner="Reading what was measured", max_entries=8)
def choices_of(_store: Store, url: str, version: str) -> list[CurveChoice]:
    """`version` changes when a run finishes."""
    return curve_choices(_store)


def first_pair(store: Store, choices: Sequence[CurveChoice]) -> tuple[str, str]:
    """The keys that the page begins with. Of a ladder the candidate is the rung that it leads with, and not one whose
    answers are clearly worse."""
    before, after = default_pair(choices)
    experiment, _, rung = after.partition(".")
    if rung:
        known = {choice.key for choice in choices}
        after = next((key for key in leading_keys(store, int(experiment)) if key in known and key != before), after)
    return before, after


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


def sides_of(scenario: Scenario, curves: Sequence[tuple[LoadCurve | None, LoadCurve | None]]) -> tuple[list[Side], str]:
    """The baseline, and the candidate where there is one; and why the API has no price, empty where it has one or none
    was asked for."""
    known = [(role, one, other) for role, (one, other) in zip(ROLES, curves, strict=False) if one is not None]
    prices = prices_of(scenario, [curve for _, curve, _ in known])
    sides = [
        _side(role, replace(scenario, usd_per_hour=price), one, other)
        for (role, one, other), price in zip(known, prices, strict=True)
    ]
    if not scenario.api_model or not sides:
        return sides, ""
    priced = price_of(scenario.api_model, round(scenario.tokens_in or sides[0].curve.mean("prompt_tokens") or 1000))
    if isinstance(priced, str):
        return sides, priced
    return [with_api(side, sides, priced) for side in sides], ""


def with_api(side: Side, sides: Sequence[Side], api: ApiPrice) -> Side:
    """An API is taken to cache what the engine's prefix cache served on the same prompts, on whichever side."""
    if side.answer is None:
        return side
    alike = [each.answer for each in sides if each.answer and each.curve.prompt_hash == side.curve.prompt_hash]
    cached = max((found.cached_tokens for found in alike if found.cached_tokens is not None), default=None)
    return replace(side, api=break_even(side.scenario, side.answer, api, cached))


def _side(role: str, scenario: Scenario, curve: LoadCurve, uncached: LoadCurve | None) -> Side:
    try:
        return Side(role, curve, answer(scenario, curve, uncached), scenario=scenario)
    except Unanswered as refused:
        return Side(role, curve, None, str(refused), scenario=scenario)
