"""Pieces that more than one page draws: titles and cards, a running experiment's progress, a log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from app.analysis.trade_off import Limits
from app.studio.access import may_change
from app.studio.live import Live, Remaining, RungState, read_live
from app.studio.model_view import log_tail
from app.studio.session import attempt
from app.views.card import Card
from app.views.wording import STATES, Sign, about, count_of, plain
from store.store import Store
from store.tables import ExperimentRow

TEXT_WIDTH = 860
"""Pixels; longer lines are hard to read, and pages are as wide as their tables need."""

CARD_WIDTH = 176
"""Pixels, in which each metric's name is whole."""
LOG_TITLE = "The end of the engine's log"


def page_title(title: str, sentence: str) -> None:
    st.title(title, anchor=False)
    st.markdown(sentence, width=TEXT_WIDTH)


def link_problem(said: str) -> None:
    """What a link names in vain, if anything."""
    if said:
        st.warning(plain(said), icon=":material/link_off:")


def report_link(keys: Sequence[str], limits: Limits | None = None) -> None:
    """To the report of compared runs, the baseline's key first."""
    more = {"limits": str(limits)} if limits is not None and limits.any else {}
    st.page_link(
        "../pages/reports.py", label="Report with these limits" if more else "Report", icon=":material/description:",
        query_params={"runs": ",".join(keys), **more},
    )  # fmt: skip


def action_button(label: str, action: Callable[[], object], **options: Any) -> None:
    """A button that does `action` and draws the page anew; `options` are st.button's. Viewers are shown none."""
    if may_change() and st.button(label, **options) and attempt(action):
        st.rerun()


def metric_cards(cards: Sequence[Card]) -> None:
    """Beside one another, and below where there is no room."""
    with st.container(horizontal=True):
        for card in cards:
            st.metric(
                card.title, card.value, card.change,
                "off" if card.good is None else "inverse" if card.lower_is_better else "normal",
                border=True, help=card.help, width=CARD_WIDTH, delta_arrow="auto" if card.good is not None else "off",
            )  # fmt: skip


def progress_bar(live: Live) -> None:
    left = remaining_text(live.remaining)
    text = f"{live.done:,} of {live.planned:,} requests" + (f" · {left}" if left else "")
    st.progress(live.share, text=text)


def remaining_text(remaining: Remaining | None) -> str:
    if remaining is None:
        return ""
    pace = ", at the pace so far" if remaining.rough else ""
    return f"{about(remaining.seconds)} left{pace}"


def rung_list(rungs: tuple[RungState, ...]) -> None:
    """Of what changes with each repeat and not with each request: a table is dear to draw."""
    st.table(
        [
            {
                "Rung": plain(rung.label),
                "State": rung_text(rung),
                "Requests of finished repeats": f"{rung.requests_done:,} of {rung.requests:,}",
            }
            for rung in rungs
        ],
        border="horizontal",
        hide_index=True,
        alt="How far each rung is",
    )


def rung_text(rung: RungState) -> str:
    sign = state_sign(rung.status)
    if rung.status in ("running", "waiting"):
        return f"{sign.markdown}, {rung.runs_done} of {count_of(rung.runs, 'repeat')} done"
    return sign.markdown


def state_sign(status: str) -> Sign:
    return STATES.get(status) or Sign("help", status, "gray")


def running_now(store: Store, ids: Sequence[int], drawn: tuple[RungState, ...] | None = None) -> Live:
    """What is measured now, for a fragment that looks again and again. The page is drawn anew when it is no longer the
    experiments `ids` that run or wait, and when its rungs are not any more as they are `drawn`."""
    now = store.experiments.unfinished()
    if [row.id for row in now] != ids:
        st.rerun()
    live = read_live(store, now[0])
    if drawn not in (None, live.rungs):
        st.rerun()
    return live


def engine_log_tail(store: Store, experiment: ExperimentRow) -> str:
    """The end of the log of the experiment's newest engine; empty where it has none."""
    engine = store.engines.latest("experiment")
    return log_tail(engine) if engine is not None and engine.experiment_id == experiment.id else ""


def folded(label: str, icon: str, key: str, draw: Callable[[], None]) -> None:
    """A part that is drawn once somebody unfolds it: what lies folded costs no browser a chart, nor half a second
    to load what highlights code."""

    @st.fragment
    def box() -> None:
        place = st.expander(label, icon=icon, key=key, on_change="rerun")
        if place.open:
            with place:
                draw()

    box()


def log_box(text: str) -> None:
    """A log whose newest lines are in view."""
    with st.container(height=340, border=False, autoscroll=True):
        st.code(text, language=None)
