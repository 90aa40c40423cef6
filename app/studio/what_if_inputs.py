"""The What-if page's fields. What they hold is one Scenario, which is also the page's address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any, Literal

import streamlit as st

from app.analysis.daily_shape import MOST_PEAK, SHAPES
from app.analysis.explain import COMMON_MODELS
from app.analysis.load_curve import STATISTICS, LoadCurve
from app.analysis.scenario import NAMES, NUMBERS, REPLICAS, Scenario, read_scenario
from app.analysis.what_if import MIX_CURVE, MIX_POINT
from app.studio.dial import readable_sliders, round_steps, slide
from app.studio.what_if_view import price_words, prices_of
from app.views.wording import REPLACE, plain
from optimizers.errors import InputError

HELD, WRITTEN, WRONG = "what_if_held", "what_if_written", "what_if_wrong"
NO_CANDIDATE, NO_API = "No candidate", "No API"
FIELD_WIDTH, DIAL_WIDTH = 160, 150
"""Pixels; on a narrow page what stands beside one another goes below instead of shrinking."""
PERCENT, TIMES = "%.0f %%", "%.1f×"


@dataclass(frozen=True)
class Known:
    """What the fields are drawn with: the curves to choose from, the two that are chosen, and why the share of a prefix
    cannot be set, empty where it can."""

    titles: Mapping[str, str]
    before: LoadCurve | None
    after: LoadCurve | None
    no_sharing: str


def field_key(name: str) -> str:
    return f"what_if_{name}"


def follow_link(defaults: Scenario, titles: Mapping[str, str]) -> None:
    """Takes the address for the scenario when it is not the one that this page wrote: a link, a saved scenario, or the
    browser's way back. `titles` are of the curves that there are. Called from the page's script only: during quick
    changes of a field the address lags behind."""
    query = {name: st.query_params[name] for name in NAMES if name in st.query_params}
    if HELD in st.session_state and query == st.session_state.get(WRITTEN):
        return
    scenario, wrong = read_scenario(query, defaults)
    gone = [query[name] for name in ("curve_from", "curve_to") if query.get(name, "") not in ("", *titles)]
    unknown = [f"The link names {key}, which was not measured here; another is shown" for key in gone]
    st.session_state[WRONG] = [*wrong, *unknown]
    _hold(scenario)


def held() -> Scenario:
    scenario: Scenario = st.session_state[HELD]
    return scenario


def write_link(scenario: Scenario) -> None:
    """Every input into the address, if any changed."""
    st.session_state[HELD] = scenario
    query = scenario.to_query()
    if any(st.query_params.get(name) != text for name, text in query.items()):
        st.query_params.update(query)
    st.session_state[WRITTEN] = query


def _hold(scenario: Scenario) -> None:
    st.session_state[HELD] = scenario
    for name in NAMES:
        st.session_state.pop(field_key(name), None)


def chosen_curves(titles: Mapping[str, str]) -> Scenario:
    """What is compared; a choice that there is no longer becomes the first that there is."""
    now = held()
    before = _settled("curve_from", list(titles), now)
    after = _settled("curve_to", _others(titles, before), now)
    return replace(now, curve_from=before, curve_to=after)


def _others(titles: Mapping[str, str], before: str) -> list[str]:
    return ["", *(key for key in titles if key != before)]


def entered(now: Scenario) -> Scenario:
    """`now` with what the fields hold. A field that has not been drawn holds nothing; a number that must not be empty,
    and is, stays as it was."""
    held = {name: st.session_state[field_key(name)] for name in NAMES if field_key(name) in st.session_state}
    given: dict[str, Any] = {name: value.strip() if isinstance(value, str) else value for name, value in held.items()}
    optional = {name for name, rule in NUMBERS.items() if rule.optional}
    return replace(now, **{name: value for name, value in given.items() if value is not None or name in optional})


def draw_fields(now: Scenario, known: Known) -> None:
    """All inputs in one column; `chosen_curves` and `entered` say what they hold."""
    titles = known.titles
    readable_sliders()
    _choice("Baseline", "curve_from", list(titles), titles, now)
    _choice("Candidate", "curve_to", _others(titles, now.curve_from), {"": NO_CANDIDATE, **titles}, now)
    st.markdown("**Traffic**")
    _dial("requests_per_day", now, 10_000.0, 0, round_steps(100, 1e8), "{:,.12g}")
    shapes = {key: shape.title for key, shape in SHAPES.items()}
    if _choice("Daily shape", "daily_shape", list(shapes), shapes, now) == "custom":
        _slider("peak_to_mean", now, 1.0, MOST_PEAK, 0.1, TIMES)
    as_measured = "A request's mean; empty: as measured."
    for name, figure, step in (("tokens_in", "prompt_tokens", 100.0), ("tokens_out", "output_tokens", 10.0)):
        measured = _measured(known, figure)
        _dial(name, now, step, 0, _answerable(known, figure), "{:,.12g}", measured, "measured", as_measured)
    if known.no_sharing:
        st.caption(plain(f"{NUMBERS['prefix_share'].title}: as measured; {known.no_sharing}."))
    else:
        _slider("prefix_share", now, 0.0, 100.0, 5.0, PERCENT)

    st.markdown("**Limits**")
    _seeded("percentile", now, lambda key: st.radio("Limits hold at", STATISTICS, key=key, horizontal=True))
    for name, low, high in (("most_ttft", 10, 1e5), ("most_tpot", 1, 1e3), ("most_e2e", 100, 1e6)):
        _dial(name, now, 10.0, 0, round_steps(low, high), "{:,.12g} ms", "none", "none")
    _slider("most_load", now, 10.0, 100.0, 5.0, PERCENT)

    st.markdown("**Money**")
    prices = _prices(known)
    _dial(
        "usd_per_hour", now, 0.1, 2, round_steps(0.01, 100), "${:,.12g}", prices or "none",
        "measured" if prices else "none",
        "Of both sides, as --price-per-hour. Empty: each as measured; none is made up.",
    )  # fmt: skip
    _side_by_side(
        now, ("usd_per_kwh", 0.05, 3, "none", "Added to the price where the power is known."),
        ("watts", 50.0, 0, _watts(known), "Empty: as measured, at the load that drew most."),
    )  # fmt: skip
    _seeded(
        "replicas", now, lambda key: st.radio("Replicas", list(REPLICAS), format_func=REPLICAS.__getitem__, key=key)
    )
    _seeded(
        "api_model",
        now,
        lambda key: st.selectbox(
            "API model to compare with", ["", *COMMON_MODELS], key=key, accept_new_options=True,
            format_func=lambda name: name or NO_API,
            help="Its prices come from the package genai-prices; any model that it knows can be typed.",
        ),
    )  # fmt: skip


def saved_bar(saved: Mapping[str, Mapping[str, Any]], save: Any, forget: Any) -> None:
    """Scenarios kept by name: whoever sees the page loads them; `save` and `forget` are None for those who may not."""
    with st.popover("Scenarios", icon=":material/bookmark:"):
        if saved:
            name = st.selectbox("Saved scenario", list(saved), key="what_if_saved")
            with st.container(horizontal=True):
                st.button("Load", icon=":material/download:", on_click=_load, args=(saved[name],), key="what_if_load")
                if forget is not None:
                    st.button(
                        "Delete", icon=":material/delete:", on_click=_tried, args=(forget, name), key="what_if_delete"
                    )
        else:
            st.caption("None has been saved yet.")
        if save is not None:
            typed = st.text_input("Name", key="what_if_name", max_chars=80, placeholder="for instance Black Friday")
            if typed.strip() in saved:
                st.checkbox(REPLACE, key=_replace_key(typed))
            st.button("Save this scenario", icon=":material/save:", on_click=_tried, args=(save,), key="what_if_save")
        st.caption("The address of this page holds every input: copy it to share the scenario.")


def save_named(keep: Any) -> None:
    name = str(st.session_state.get("what_if_name", ""))
    keep("scenario", name, {"inputs": held().to_query()}, bool(st.session_state.get(_replace_key(name))))


def _replace_key(name: str) -> str:
    """A tick beside one name says nothing of another."""
    return f"what_if_replace_{name.strip()}"


def _load(content: Mapping[str, Any]) -> None:
    inputs = content.get("inputs")
    query = {name: str(text) for name, text in (inputs if isinstance(inputs, Mapping) else {}).items() if name in NAMES}
    st.query_params.update(query)
    st.session_state.pop(HELD, None)


def _tried(action: Any, *given: str) -> None:
    try:
        action(*given)
    except InputError as error:
        st.session_state[WRONG] = [str(error)]


def _seeded(name: str, now: Scenario, draw: Callable[[str], object]) -> None:
    st.session_state.setdefault(field_key(name), getattr(now, name))
    draw(field_key(name))


def _choice(label: str, name: str, keys: Sequence[str], titles: Mapping[str, str], now: Scenario) -> str:
    _settled(name, keys, now)
    return str(st.selectbox(label, keys, format_func=titles.__getitem__, key=field_key(name)))


def _settled(name: str, keys: Sequence[str], now: Scenario) -> str:
    """What the choice holds, drawn or not."""
    key = field_key(name)
    if st.session_state.setdefault(key, getattr(now, name)) not in keys:
        st.session_state[key] = keys[0]
    return str(st.session_state[key])


def _side_by_side(now: Scenario, *asked: tuple[str, float, int, str, str | None]) -> None:
    """Numbers beside one another where there is room: name, step, digits, what an empty field says, and help."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        for name, step, digits, hint, help_text in asked:
            _number(name, now, step, digits, hint, help_text, FIELD_WIDTH)


def _number(
    name: str,
    now: Scenario,
    step: float,
    digits: int,
    hint: str | None = None,
    help_text: str | None = None,
    width: int | Literal["stretch"] = "stretch",
) -> None:
    rule = NUMBERS[name]
    _seeded(
        name,
        now,
        lambda key: st.number_input(
            rule.label, float(rule.low), float(rule.high), value=None if rule.optional else "min", step=step,
            format=f"%.{digits}f", key=key, placeholder=hint, help=help_text, width=width,
        ),
    )  # fmt: skip


def _dial(
    name: str,
    now: Scenario,
    step: float,
    digits: int,
    steps: Sequence[float],
    words: str,
    hint: str = "",
    place: str = "",
    help_text: str | None = None,
) -> None:
    """A field and its slider beside it, or below where there is no room; no slider without steps. An empty field shows
    `hint`, and its place on the slider is called `place`."""
    rule = NUMBERS[name]
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        _number(name, now, step, digits, hint, help_text, DIAL_WIDTH)
        if steps:
            slide(f"{rule.label}, slider", field_key(name), steps, words.format, place)


def _answerable(known: Known, figure: str) -> list[float]:
    """Token counts of a request that the baseline's curve, or the candidate's, can answer for, in eight steps."""
    curve = known.before or known.after
    measured = None if curve is None else curve.mean(figure)
    if curve is None or not measured:
        return []
    most = MIX_POINT if curve.is_point else MIX_CURVE
    between = (float(round(measured * most ** (at / 4))) for at in range(-3, 4))
    return sorted({float(ceil(measured / most)), *between, float(floor(measured * most))} - {0.0})


def _slider(name: str, now: Scenario, low: float, high: float, step: float, form: str) -> None:
    _seeded(name, now, lambda key: st.slider(NUMBERS[name].label, low, high, step=step, format=form, key=key))


def _measured(known: Known, name: str) -> str:
    curve = known.before or known.after
    value = None if curve is None else curve.mean(name)
    return "not known" if value is None else f"{value:,.0f}"


def _prices(known: Known) -> str:
    curves = [curve for curve in (known.before, known.after) if curve is not None]
    words = price_words(prices_of(Scenario(), curves))
    return f"as measured: {words}" if words else ""


def _watts(known: Known) -> str:
    curve = known.before or known.after
    drawn = [run.watts for run in curve.runs if run.watts is not None] if curve else []
    return f"{max(drawn):,.0f}" if drawn else "none"
