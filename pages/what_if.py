"""What-if: what a day's traffic would need and cost on measured load curves, with and without a technique."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from app.analysis.scenario import NUMBERS, Scenario
from app.analysis.sensitivity import sensitivity, sentence
from app.experiment.load_curves import opening_choices
from app.studio import parts, what_if_charts, what_if_inputs, what_if_notes, what_if_view
from app.studio.access import may_change, told
from app.studio.session import open_studio
from app.studio.what_if_data import choices_of, curve_of, first_pair, sides_of
from app.studio.what_if_inputs import WRONG, Known
from app.studio.what_if_view import Side
from app.views.charts import PLAIN
from app.views.wording import elsewhere_badge, plain, plain_rows, told_apart, without_folders

SWEEPS = (
    "python -m app sweep --model starter --prompts support-desk --rates 0.5,1,2,4,8\n"
    "python -m app sweep --model starter --prompts support-desk --rates 0.5,1,2,4,8 --techniques prefix_caching"
)
CARD_WIDTH = 206
TABS = ("Figures", "Day", "Load curve", "Volume", "What matters", "Rests on")
store, _ = open_studio()
version = store.runs.finished_version()
choices = choices_of(store, store.url, version)
apart = told_apart(store.experiments.titles())
titles = {
    choice.key: without_folders(choice.title) + apart.get(int(choice.key.partition(".")[0]), "") for choice in choices
}


def how_to_measure() -> None:
    st.markdown(
        "A load curve is one recipe measured under growing load. These two give a baseline and a candidate; put your "
        "own model, prompts and rates in:",
        width=parts.TEXT_WIDTH,
    )
    st.code(SWEEPS, language=None)


def defaults() -> Scenario:
    """A scenario that what was measured answers; without a price each side has the one that it was measured with."""
    asked = [st.query_params.get("curve_from"), st.query_params.get("curve_to")]
    before, after = (
        name if name in titles else other for name, other in zip(asked, first_pair(store, choices), strict=True)
    )
    curves = [curve for key in (before, after) if key and (curve := curve_of(store, store.url, version, key)[0])]
    return Scenario(before, after, most_ttft=what_if_view.default_limit(curves))


def show_tab(name: str, sides: list[Side], scenario: Scenario) -> None:
    answered = [side for side in sides if side.answer is not None]
    if name == "Rests on":
        show_basis(sides)
    elif name == "Load curve":
        st.plotly_chart(
            what_if_charts.curve_chart(sides, scenario), config=PLAIN, key="what_if_curve",
            alt=what_if_charts.curve_words(sides, scenario),
        )  # fmt: skip
        st.caption("Measured points with their 95 % intervals. Nothing is said left or right of them.")
    elif not answered:
        st.caption("Nothing is answered; the notes above say what to change.")
    elif name == "Figures":
        st.table(
            plain_rows(what_if_view.rows(sides, scenario)),
            border="horizontal",
            hide_index=True,
            alt="Every figure by side",
        )
    elif name == "Day":
        st.plotly_chart(
            what_if_charts.day_chart(sides), config=PLAIN, key="what_if_day", alt=what_if_charts.day_words(sides)
        )
    elif name == "Volume":
        show_volume(answered, scenario)
    else:
        show_sensitivity(answered[-1])


def show_volume(answered: list[Side], scenario: Scenario) -> None:
    if not is_priced(answered):
        st.caption("Give the price of a replica's hardware to see dollars by volume and the break-even with an API.")
        return
    said = what_if_notes.break_even_sentences(answered, scenario.api_model)
    st.markdown("\n".join(f"- {plain(text)}" for text in said), width=parts.TEXT_WIDTH)
    if not scenario.api_model:
        st.caption("Name an API model on the left to see from how many requests a day own replicas cost less.")
    st.plotly_chart(
        what_if_charts.volume_chart(answered, scenario, scenario.api_model), config=PLAIN, key="what_if_volume",
        alt=what_if_charts.volume_words(answered),
    )  # fmt: skip


def is_priced(sides: Sequence[Side]) -> bool:
    return any(side.answer is not None and side.answer.chosen.usd is not None for side in sides)


def show_sensitivity(side: Side) -> None:
    assert side.answer is not None
    uncached = curve_of(store, store.url, version, side.curve.key)[1]
    effects = sensitivity(side.scenario, side.answer, side.curve, uncached)
    said = sentence(effects)
    st.markdown(f"**{side.role}.** {plain(said)}", width=parts.TEXT_WIDTH)
    st.plotly_chart(what_if_charts.tornado(effects), config=PLAIN, key="what_if_tornado", alt=said)
    for effect in effects:
        if effect.reason:
            st.caption(plain(f"{effect.title}: {effect.reason}."))


def show_basis(sides: list[Side]) -> None:
    st.table(
        plain_rows(what_if_notes.basis_rows(sides)), border="horizontal", hide_index=True,
        alt="What each side was measured with",
    )  # fmt: skip
    with st.container(horizontal=True):
        for number in experiments_of(sides):
            st.page_link(
                "../pages/ladder.py", label=f"Runs of experiment {number}", icon=":material/stairs:",
                query_params={"experiment": str(number)},
            )  # fmt: skip
    st.markdown("\n".join(f"- {plain(text)}" for text in what_if_notes.RULES), width=parts.TEXT_WIDTH)


def experiments_of(sides: list[Side]) -> list[int]:
    return list(dict.fromkeys(side.curve.experiment_id for side in sides))


@st.fragment
def workbench() -> None:
    """The figures are sent before the fields, which take the browser longer to draw and are as they were. Headline and
    cards are worked out before anything is sent: the browser draws what it has some 10 ms after the first of it."""
    now = what_if_inputs.chosen_curves(titles)
    found = [curve_of(store, store.url, version, key) for key in (now.curve_from, now.curve_to) if key]
    scenario = what_if_inputs.entered(now)
    sides, no_price = sides_of(scenario, [(one, other) for one, other, _ in found])
    results = Results(
        what_if_view.headline(sides),
        what_if_view.limit_sentence(scenario),
        tuple(badge for number in experiments_of(sides) if (badge := elsewhere_badge(store.experiments.get(number)))),
        (*(why for one, _, why in found if one is None), *([no_price] if no_price else [])),
        what_if_view.cards(sides),
    )
    left, right = st.columns([3, 7], gap="large")
    with right:
        show_results(sides, scenario, results)
    asked = found[-1] if found[-1][0] and found[-1][1] else found[0]
    before, after = found[0][0], found[1][0] if len(found) > 1 else None
    with left:
        what_if_inputs.draw_fields(now, Known(titles, before, after, "" if asked[1] else found[-1][2]))
    what_if_inputs.write_link(scenario)


@dataclass(frozen=True)
class Results:
    """What is shown first. `marks` say what was not measured here, `unknown` what cannot be read or priced."""

    headline: str
    limits: str
    marks: tuple[str, ...]
    unknown: tuple[str, ...]
    cards: Sequence[what_if_view.Card]


def show_results(sides: list[Side], scenario: Scenario, results: Results) -> None:
    cards = results.cards
    st.header(plain(results.headline), anchor=False)
    st.markdown(
        f":gray-badge[:material/calculate: estimate] {plain(results.limits)}; "
        f"{scenario.requests_per_day:,.0f} requests a day", width=parts.TEXT_WIDTH,
    )  # fmt: skip
    if results.marks:
        st.markdown(" ".join(dict.fromkeys(results.marks)))
    for side in sides:
        if side.refusal:
            st.warning(plain(f"{side.role}, not answered: {side.refusal}."), icon=":material/block:")
    for text in results.unknown:
        st.warning(plain(told(text)), icon=":material/help:")
    with st.container(horizontal=True):
        for card in cards:
            quiet = card.title == "Utilisation" or card.change in ("+0", "+0%")
            st.metric(
                card.title, card.value, card.change, "off" if quiet else "inverse", border=True, help=plain(card.help),
                width=CARD_WIDTH, delta_arrow="off" if quiet else "auto",
            )  # fmt: skip
    if cards and not is_priced(sides):
        st.caption(f"Give “{plain(NUMBERS['usd_per_hour'].label)}” to see dollars; none is made up.")
    elif cards:
        last, found = [(side, side.answer) for side in sides if side.answer is not None][-1]
        prices = what_if_view.price_words([side.scenario.usd_per_hour for side in sides])
        told_price = "" if scenario.usd_per_hour is not None else f" Priced as measured: {prices}."
        st.caption(plain(f"{last.role}, {last.name}: {what_if_view.range_text(found)}{told_price}"))
    notes = what_if_notes.cautions(sides, scenario)
    if notes:
        with st.container(border=True):
            st.markdown("**:material/visibility: Read with care**")
            st.markdown("\n".join(f"- {plain(text)}." for text in notes))
    for name, tab in zip(
        TABS, st.tabs(list(TABS), on_change="rerun", key="what_if_tab", bind="query-params"), strict=True
    ):
        if tab.open:
            with tab:
                show_tab(name, sides, scenario)


parts.page_title(
    "What-if",
    "How many replicas a day's traffic would need and what they would cost, from measured load curves: an estimate, "
    "with what it rests on.",
)
if not choices:
    st.info(
        "Nothing has been measured yet. Measure a load sweep, or start the starter ladder on Home.",
        icon=":material/query_stats:",
    )
    how_to_measure()
    st.page_link("../pages/home.py", label="Go to Home", icon=":material/home:")
    st.stop()

what_if_inputs.follow_link(defaults(), titles)
with st.container(horizontal=True, vertical_alignment="center"):
    change = may_change()
    what_if_inputs.saved_bar(
        store.saved.all("scenario"),
        partial(what_if_inputs.save_named, store.saved.keep) if change else None,
        partial(store.saved.forget, "scenario") if change else None,
    )
for problem in st.session_state.pop(WRONG, ()):
    parts.link_problem(f"{problem}.")
if not any(choice.is_sweep for choice in opening_choices(choices)):
    st.info(
        "There is no load sweep of your own yet: an answer that rests on a single measured load keeps stricter rules.",
        icon=":material/query_stats:",
    )
if not any(choice.is_sweep and not choice.is_recorded for choice in choices):
    parts.folded("Measure load curves", ":material/terminal:", "how_to_measure", how_to_measure)
workbench()
