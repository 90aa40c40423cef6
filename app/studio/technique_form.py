"""A form for any technique, generated from its settings: one widget for each, none for what is idle beside the others.

Knows no technique. Checks nothing by itself: what a person chose goes through `Technique.check` like any other input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from app.views.wording import plain
from optimizers.technique import Setting, Technique, Value

Width = int | Literal["stretch"]
WORDS = {"kv": "KV", "dtype": "data type", "num": "number of", "seqs": "sequences", "ngram": "n-gram"}
"""What names of settings, which are an engine's arguments, have for short."""
SWITCH: dict[Value, str] = {None: "As the technique has it", True: "On", False: "Off"}
"""A switch whose default is neither on nor off."""


def technique_form(
    technique: Technique,
    values: Mapping[str, Any],
    models: Sequence[str],
    key: str,
    width: Width = "stretch",
) -> dict[str, Value]:
    """Draws a widget for each setting that counts and returns all values, idle ones as they were.

    `values` are shown at first, over the defaults. `models` are offered where a setting names a model; any other name
    can be typed. `key` keeps the widgets of one form apart from those of another; each is `width` pixels wide.
    """
    chosen: dict[str, Value] = {
        setting.name: values.get(setting.name, setting.default) for setting in technique.settings
    }
    for setting in technique.settings:
        if not setting.is_idle(chosen):
            chosen[setting.name] = _widget(
                setting, chosen[setting.name], models, f"{key}_{technique.key}_{setting.name}", width
            )
    return chosen


def label_of(setting: Setting) -> str:
    """Its name as words, with its unit where the name does not end with that."""
    words = " ".join(WORDS.get(word, word) for word in setting.name.split("_"))
    unit = f" ({setting.unit})" if setting.unit and not words.endswith(setting.unit) else ""
    return words[:1].upper() + words[1:] + unit


def _widget(setting: Setting, value: Value, models: Sequence[str], key: str, width: Width) -> Value:
    label = label_of(setting)
    about = plain(setting.help)
    if setting.kind == "bool" and setting.default is not None:
        return st.toggle(label, bool(value), key=key, help=about, width=width)
    if setting.kind == "bool":
        switch: Value = st.selectbox(
            label, list(SWITCH), list(SWITCH).index(value), format_func=SWITCH.__getitem__, key=key, help=about,
            width=width,
        )  # fmt: skip
        return switch
    if setting.kind == "choice":
        options = list(setting.choices)
        found: Value = st.selectbox(
            label, options, options.index(str(value)) if value in options else None, key=key, help=about, width=width
        )
        return found
    if setting.kind == "model":
        names = list(dict.fromkeys([*([str(value)] if value else []), *models]))
        named: Value = st.selectbox(
            label, names, 0 if value else None, key=key, help=about, accept_new_options=True,
            placeholder="a saved name, a folder or a hub id", width=width,
        )  # fmt: skip
        return named
    if setting.kind == "text":
        return st.text_input(label, str(value or ""), key=key, help=about, width=width) or setting.default
    return _number(setting, value, label, key, about, width)


def _number(setting: Setting, value: Value, label: str, key: str, about: str, width: Width) -> Value:
    number = int if setting.kind == "int" else float
    # Streamlit's types hold whole numbers and others apart, which a setting does only by its kind.
    edges: list[Any] = [setting.minimum, setting.maximum, value]
    low, high, first = [None if edge is None else number(edge) for edge in edges]
    step: Any = 1 if setting.kind == "int" else 0.05
    found: Value = st.number_input(
        label,
        low,
        high,
        first,
        step=step,
        key=key,
        help=about,
        placeholder="as the technique has it",
        width=width,
    )
    return found
