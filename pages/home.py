"""Home: what is running, the latest ladder, and one button that starts the starter ladder. Never empty."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app.engine.builtin import ABOUT, STARTER
from app.engine.hub import find_model
from app.experiment.cautions import cautions_of
from app.studio import ended, live_parts, parts, starter
from app.studio.access import may_change, told
from app.studio.session import hardware, ladder_of, ladder_version, open_studio, worker_notice
from app.studio.watching import LOOK_S, stand_still
from app.views.charts import PLAIN, cost_bars, description
from app.views.ladder_view import headline
from app.views.wording import (
    count_of,
    duration,
    moment,
    plain,
    recorded_badge,
    recorded_on,
    without_folders,
)
from optimizers.errors import InputError
from store.experiments import RESUMABLE
from store.tables import ExperimentRow

START = "Start the starter ladder"
# Pixels; two cards stand beside one another on a laptop's screen, and below one another on less.
CARD_WIDTH = 560
store, settings = open_studio()
waiting = store.experiments.unfinished()
latest = next(iter(store.experiments.recent(1)), None)
finished = store.experiments.latest("done", "ladder")


def show_running(experiment: ExperimentRow, queue: list[ExperimentRow]) -> None:
    ids = [row.id for row in [experiment, *queue]]
    with st.container(border=True):
        st.header(plain(without_folders(experiment.title)), anchor=False)

        stand_still()
        drawn = parts.running_now(store, ids)

        @st.fragment(run_every=LOOK_S)
        def watch() -> None:
            live_parts.progress(parts.running_now(store, ids, drawn.rungs))

        watch()
        parts.rung_list(drawn.rungs)
        with st.container(horizontal=True, vertical_alignment="center"):
            live_parts.cancel_button(store, experiment)
            st.page_link("../pages/live.py", label="Watch live", icon=":material/monitoring:")
            open_ladder(experiment)
            st.caption("It goes on when this page is closed.")


def show_starter() -> None:
    with st.container(border=True):
        st.header("Starter ladder", anchor=False)
        try:
            plan = starter.plan_starter(store, settings, hardware())
        except InputError as error:
            st.error(plain(told(f"The starter ladder cannot run here: {error}")), icon=":material/error:")
            if may_change():
                st.button(START, type="primary", icon=":material/play_arrow:", disabled=True)
            return
        planned = plan.preview
        first, whole = planned.prompts, planned.prompts_in_set
        total = f" (the first {first} of {whole})" if first < whole else ""
        st.markdown(
            f"{count_of(len(planned.rungs), 'rung')} × {planned.repeats} repeats = {count_of(planned.runs, 'run')} of "
            f"{count_of(first, 'prompt')}{total}: **{count_of(planned.requests, 'request')}**, "
            f"**{count_of(planned.engine_starts, 'engine start')}**; {plain(planned.estimate.sentence)}."
            + (elsewhere() if planned.estimate.low_s is None else ""),
            width=parts.TEXT_WIDTH,
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            parts.action_button(
                START, partial(starter.start, store, plan), type="primary", icon=":material/play_arrow:"
            )
            open_lab()
        with st.expander("What each rung adds", icon=":material/stairs:", expanded=finished is None):
            show_rungs(starter.rung_lines(plan))
        st.caption(ABOUT, width=parts.TEXT_WIDTH)
        for text in cautions_of(plan.spec, find_model(store, settings, STARTER), hardware()):
            st.caption(plain(f"Note: {text}."))
        for title, reason in plan.left_out:
            st.caption(plain(f"Left out: {title}; {reason}."))


def elsewhere() -> str:
    """How long the recorded ladder took, for those who have measured nothing yet; empty where there is none."""
    seconds = finished.seconds.get("total") if finished is not None and recorded_on(finished.spec) else None
    if finished is None or not seconds:
        return ""
    requests = store.experiments.progress(finished.id).planned
    return f" The recorded ladder, {count_of(requests, 'request')}, took {duration(seconds)} on its own machine."


def show_rungs(lines: Sequence[starter.RungLine]) -> None:
    st.table(
        [
            {"Rung": plain(line.label), "What it adds": plain(line.adds), "The article says": plain(line.article)}
            for line in lines
        ],
        border="horizontal", hide_index=True, alt="The rungs of the starter ladder",
    )  # fmt: skip


def show_latest(experiment: ExperimentRow) -> None:
    ladder = ladder_of(store, store.url, experiment.id, ladder_version(store, experiment.id))
    with st.container(border=True):
        st.header("Recorded ladder" if recorded_on(experiment.spec) else "Latest ladder", anchor=False)
        if recorded_on(experiment.spec):
            st.markdown(recorded_badge(experiment))
        st.markdown(f"**{plain(headline(ladder))}**", width=parts.TEXT_WIDTH)
        with st.container(width=parts.TEXT_WIDTH):
            st.plotly_chart(cost_bars(ladder), config=PLAIN, key="latest_cost", alt=description(ladder))
            st.caption(
                "Hardware time for each answered request, as a multiple of the baseline's: lower is better. The word "
                "says what the step from the rung before was worth."
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            open_ladder(experiment)
            seconds = experiment.seconds.get("total")
            took = f", took {duration(seconds)}" if seconds else ""
            st.caption(f"{plain(without_folders(experiment.title))}, {moment(experiment.finished_at)}{took}")


def open_lab() -> None:
    st.page_link("../pages/lab.py", label="Compose your own in the Lab", icon=":material/experiment:")


def open_ladder(experiment: ExperimentRow) -> None:
    st.page_link(
        "../pages/ladder.py", label="Open the ladder", icon=":material/stairs:",
        query_params={"experiment": str(experiment.id)},
    )  # fmt: skip


parts.page_title(
    "Rung",
    "Measures what each LLM-serving optimization is worth on your model, your prompts and your hardware, by replaying "
    "saved prompts through a real vLLM server.",
)
worker_notice(store)
if waiting:
    show_running(waiting[0], waiting[1:])
    if waiting[1:]:
        live_parts.queue_list(store, waiting[1:])
    if finished is not None:
        show_latest(finished)
else:
    if latest is not None and latest.status in RESUMABLE:
        ended.stopped_notice(store, latest, opening=True)
    with st.grid(1 if finished is None else 2, min_column_width=CARD_WIDTH):
        if finished is not None:
            show_latest(finished)
        show_starter()
