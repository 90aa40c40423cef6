"""The Lab's catalogue: every technique with what it does, a toggle, and its settings while it is on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.engine.builtin import BUILTIN_TOOLS
from app.studio.access import told
from app.studio.lab_link import first_settings
from app.studio.lab_notes import Standing, grouped, sentence
from app.studio.lab_session import in_order
from app.studio.new_experiment import Choice
from app.studio.technique_form import technique_form
from app.views.wording import in_sentence, plain
from optimizers.errors import InputError
from optimizers.technique import Surroundings, Technique, Value

TITLE_WIDTH, TEXT_WIDTH, SETTING_WIDTH = 225, 535, 240


@dataclass
class Catalogue:
    """`places` are kept free beside each technique for what is known once everything has been chosen."""

    settings: dict[str, Mapping[str, Value]] = field(default_factory=dict)
    places: dict[str, DeltaGenerator] = field(default_factory=dict)


def choose_techniques(
    base: Choice, chosen: Choice, key: str, surroundings: Surroundings, models: Sequence[str]
) -> tuple[Choice, Catalogue]:
    """`base` is what the widgets show at first, `chosen` what the rest of the page says by now."""
    drawn = Catalogue()
    for attack, techniques in grouped():
        with st.container(border=True, gap="small"):
            st.subheader(attack.capitalize(), anchor=False)
            for technique in techniques:
                _draw(technique, base, chosen.model, key, surroundings, models, drawn)
    return replace(chosen, techniques=in_order(drawn.settings), settings=drawn.settings), drawn


def tell(drawn: Catalogue, standings: Mapping[str, Standing], cautions: Mapping[str, Sequence[str]]) -> None:
    """Says beside each technique what is in its way, or what to know before it is measured."""
    for key, standing in standings.items():
        with drawn.places[key]:
            for problem in standing.problems:
                st.markdown(f":red[:material/error: {plain(told(problem))}]")
            if standing.hint:
                st.caption(f":material/info: {plain(sentence(f'Off at first: {standing.hint}'))}")
            for text in cautions.get(key, ()):
                st.caption(f":material/info: {plain(sentence(text))}")


def _draw(
    technique: Technique,
    base: Choice,
    model: str,
    key: str,
    surroundings: Surroundings,
    models: Sequence[str],
    drawn: Catalogue,
) -> None:
    barred, was_on = technique.unavailable(surroundings), technique.key in base.techniques
    with st.container(horizontal=True, gap="small"):
        # One that a link has turned on can be turned off again, whatever is the matter with it.
        on = st.toggle(
            f"**{plain(technique.title)}**", was_on, key=f"{key}_on_{technique.key}",
            disabled=barred is not None and not was_on, help=plain(f"Off: {technique.off_means}."), width=TITLE_WIDTH,
        )  # fmt: skip
        with st.container(gap="xsmall", width=TEXT_WIDTH):
            st.caption(plain(f"{technique.summary} The article: {in_sentence(technique.claim)}."))
            if barred:
                st.caption(f":material/block: {plain(sentence(f'Not here: {barred}'))}")
            drawn.places[technique.key] = st.container(gap="xsmall")
            if on:
                drawn.settings[technique.key] = _settings(technique, base, model, key, models)


def _settings(technique: Technique, base: Choice, model: str, key: str, models: Sequence[str]) -> Mapping[str, Value]:
    """Its form, open where a person has just turned the technique on."""
    if not technique.settings:
        return {}
    values: Mapping[str, Any] = first_settings(technique.key, model)
    was_on = technique.key in base.techniques
    if was_on and model == base.model:
        values = {**values, **base.settings_of(technique.key)}
    with st.expander("Settings", expanded=not was_on, icon=":material/tune:"), st.container(horizontal=True):
        chosen = technique_form(technique, values, [*models, *BUILTIN_TOOLS], f"{key}_{model}", SETTING_WIDTH)
    said = _variant(technique, chosen)
    if said:
        st.caption(plain(told(f"{technique.title} {said}.")))
    return chosen


def _variant(technique: Technique, settings: Mapping[str, Value]) -> str:
    try:
        return technique.variant(technique.check(settings))
    except InputError:
        return ""
