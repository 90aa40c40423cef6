"""Live: what runs now, how far it is, what the engine is doing this second, and what waits. Idle, it only looks every
few seconds whether something was started elsewhere.
"""

from __future__ import annotations

from time import time

import streamlit as st

from app.experiment.live_file import live_path, read_live_run
from app.studio import ended, live_parts, parts
from app.studio.access import may_change
from app.studio.live_view import figures, moment_sentence, now_readings
from app.studio.session import open_studio, worker_notice
from app.studio.watching import LOOK_S, stand_still
from app.views.wording import duration, moment, plain, recorded_badge, without_folders
from store.experiments import RESUMABLE
from store.tables import ExperimentRow

IDLE_POLL_S = 4.0
store, settings = open_studio()
unfinished = store.experiments.unfinished()


def show_running(experiment: ExperimentRow, ids: list[int]) -> None:
    st.header(plain(without_folders(experiment.title)), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        live_parts.cancel_button(store, experiment)
        open_results(experiment, "Results so far")
        st.caption("It goes on when this page is closed.")

    stand_still()
    drawn = parts.running_now(store, ids)

    @st.fragment(run_every=LOOK_S)
    def watch() -> None:
        live = parts.running_now(store, ids, drawn.rungs)
        readings = now_readings(read_live_run(live_path(settings)), live, time())
        live_parts.progress(live)
        live_parts.figure_cards(figures(readings, live), moment_sentence(readings, live))

    watch()
    parts.rung_list(drawn.rungs)
    live_parts.figure_help(figures((), drawn))
    if may_change():
        live_parts.engine_log(store, experiment)


def show_idle() -> None:
    @st.fragment(run_every=IDLE_POLL_S)
    def look() -> None:
        if store.experiments.unfinished():
            st.rerun()

    look()
    latest = next(iter(store.experiments.recent(1)), None)
    stopped = latest is not None and latest.status in RESUMABLE
    if latest is None or not stopped or not ended.stopped_notice(store, latest, opening=True):
        st.info("Nothing runs now, and nothing waits. What is started anywhere shows here.", icon=":material/bedtime:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("../pages/home.py", label="Go to Home, for the starter ladder", icon=":material/home:")
        st.page_link("../pages/lab.py", label="Put an experiment together in the Lab", icon=":material/science:")
    finished = store.experiments.latest("done")
    if finished is not None:
        with st.container(border=True):
            st.header("Latest finished experiment", anchor=False)
            seconds = finished.seconds.get("total")
            took = f", took {duration(seconds)}" if seconds else ""
            st.markdown(f"{plain(without_folders(finished.title))}, {moment(finished.finished_at)}{took}")
            badge = recorded_badge(finished)
            if badge:
                st.markdown(badge)
            open_results(finished, "Open its results")


def open_results(experiment: ExperimentRow, label: str) -> None:
    st.page_link(
        "../pages/ladder.py", label=label, icon=":material/stairs:", query_params={"experiment": str(experiment.id)}
    )


parts.page_title("Live", f"What is being measured now, looked at every {LOOK_S:.0f} s.")
worker_notice(store)
if unfinished:
    show_running(unfinished[0], [row.id for row in unfinished])
    if unfinished[1:]:
        live_parts.queue_list(store, unfinished[1:])
else:
    show_idle()
