"""Draws a load sweep on the Ladder page: its limits, its sentences, its figure and its table."""

from __future__ import annotations

import streamlit as st

from app.analysis.metric import BY_TAG
from app.analysis.summary import LATENCIES
from app.analysis.sweep import Slo, sweep
from app.experiment.spec import kept_slo
from app.studio.linked import linked_limit
from app.studio.parts import TEXT_WIDTH
from app.studio.session import ladder_version, loads_of
from app.views.charts import PLAIN
from app.views.sweep_words import sentences, sweep_chart, sweep_rows, unit_of, words
from store.store import Store
from store.tables import ExperimentRow

KIND = "sweep"


def show_sweep(store: Store, experiment: ExperimentRow) -> None:
    loads = loads_of(store, store.url, experiment.id, ladder_version(store, experiment.id))
    if not loads:
        st.info("No load has been measured yet.", icon=":material/hourglass_top:")
        return
    slo = chosen_limits(kept_slo(experiment.spec))
    found = sweep(loads, slo)
    unit = unit_of(experiment)
    for text in sentences(found, slo, unit):
        st.markdown(text, width=TEXT_WIDTH)
    st.plotly_chart(sweep_chart(found, unit, slo), config=PLAIN, key="sweep", alt=words(found, unit))
    rows = sweep_rows(found, unit)
    columns = {name: st.column_config.TextColumn(alignment="right") for name in rows[0]}
    st.dataframe(rows, hide_index=True, column_config=columns, height="content", key="loads", alt="Each load's figures")
    st.caption("Times count from when a request was due. Goodput: requests a second that keep every limit.")


def chosen_limits(kept: Slo | None) -> Slo | None:
    """Limits in milliseconds, at first those that the sweep was started with; what differs from them is part of the
    link. None without any."""
    first = kept.limits if kept else {}
    with st.container(horizontal=True):
        given = {
            tag: linked_limit(
                f"{BY_TAG[tag].title} at most (ms)",
                f"slo_{tag}",
                first.get(tag, 0.0),
                help="Empty is no limit.",
                width=190,
            )
            for tag in LATENCIES
        }
    limits = {tag: limit for tag, limit in given.items() if limit}
    return Slo(limits) if limits else None
