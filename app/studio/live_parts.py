"""What the Live page draws of a running experiment and of the queue; what stops something only for those who may."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app.studio import parts
from app.studio.live import Live
from app.studio.live_view import Figure
from app.studio.spark_line import in_words, spark_line
from app.views.wording import STATES, duration, moment, plain, without_folders
from store.store import Store
from store.tables import ExperimentRow

COLUMNS, CARD_WIDTH = 5, 135
"""Two rows of five down to windows of 800 pixels, fewer in a row below."""


def progress(live: Live) -> None:
    """The experiment's state, what it is doing, and how far it is."""
    sign = parts.state_sign(live.status)
    phase = "Cancelling" if live.cancelling else live.phase or "Waiting for the worker"
    since = f" · {duration(live.seconds)} so far" if live.seconds is not None else ""
    st.markdown(f"{sign.badge} {plain(phase)}{since}")
    parts.progress_bar(live)


def figure_cards(figures: Sequence[Figure]) -> None:
    color = st.get_option(f"theme.{st.context.theme.type or 'light'}.primaryColor") or "currentColor"
    with st.grid(COLUMNS, min_column_width=CARD_WIDTH, gap="xsmall"):
        for figure in figures:
            with st.container(border=True, height="stretch", gap="xxsmall"):
                st.metric(
                    figure.label,
                    plain(figure.value),
                    delta=plain(figure.below) or None,
                    delta_color="off",
                    delta_arrow="off",
                    help=plain(figure.help),
                )
                if not figure.below:
                    st.image(spark_line(figure, color), width="stretch", alt=in_words(figure))


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
