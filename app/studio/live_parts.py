"""What the Live page draws of a running experiment and of the queue; what stops something only for those who may."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app.studio import parts
from app.studio.figure_grid import figure_grid
from app.studio.live import Live
from app.studio.live_view import Figure
from app.studio.watching import LOOK_S
from app.views.wording import STATES, duration, moment, plain, without_folders
from store.store import Store
from store.tables import ExperimentRow


def progress(live: Live) -> None:
    """The experiment's state, what it is doing, and how far it is."""
    sign = parts.state_sign(live.status)
    phase = "Cancelling" if live.cancelling else live.phase or "Waiting for the worker"
    since = f" · {duration(live.seconds)} so far" if live.seconds is not None else ""
    st.markdown(f"{sign.badge} {plain(phase)}{since}")
    parts.progress_bar(live)


def figure_cards(figures: Sequence[Figure], sentence: str) -> None:
    color = st.get_option(f"theme.{st.context.theme.type or 'light'}.primaryColor") or "currentColor"
    st.html(figure_grid(figures, sentence, color))


def figure_help(figures: Sequence[Figure]) -> None:
    with st.expander("What these figures are", icon=":material/help:"):
        st.table(
            [{"Figure": figure.label, "What it is": plain(figure.help)} for figure in figures],
            border="horizontal",
            hide_index=True,
            hide_header=True,
            alt="What the figures above are",
        )


def engine_log(store: Store, experiment: ExperimentRow) -> None:
    """The end of the log of the experiment's newest engine, read again and again while it is unfolded."""

    @st.fragment(run_every=LOOK_S)
    def tail() -> None:
        text = parts.engine_log_tail(store, experiment)
        if text:
            parts.log_box(text)
        else:
            st.caption("No engine of this experiment has written a log here so far.")

    parts.folded(parts.LOG_TITLE, ":material/article:", "engine_log", tail)


def cancel_button(store: Store, experiment: ExperimentRow) -> None:
    """In the page's own script, not in a fragment: a click there waits for nothing."""
    parts.action_button(
        "Cancel",
        partial(store.experiments.request_cancel, experiment.id),
        icon=":material/cancel:",
        disabled=experiment.cancel_requested,
        key=f"cancel_{experiment.id}",
    )


def queue_list(store: Store, queue: Sequence[ExperimentRow]) -> None:
    st.header("Queue", anchor=False)
    for row in queue:
        title = plain(without_folders(row.title))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{STATES['queued'].badge} {title}, since {moment(row.created_at)}", width="content")
            parts.action_button(
                "Remove", partial(store.experiments.request_cancel, row.id), key=f"remove_{row.id}", type="tertiary"
            )
