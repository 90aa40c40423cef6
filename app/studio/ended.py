"""What pages say of an experiment that runs no more, and offer: why it stopped, going on, and being rid of it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app.studio.access import may_change
from app.studio.parts import LOG_TITLE, action_button, engine_log_tail, log_box, state_sign
from app.views.wording import plain, recorded_badge, without_folders
from store.store import Store
from store.tables import ExperimentRow

PUT_AWAY = "put away"
"""The kind under which the store keeps whose notice nobody needs any more."""


def stopped_notice(store: Store, experiment: ExperimentRow, opening: bool = False) -> bool:
    """Why an experiment did not come to its end; for those who may change things how to go on, and its engine's log.
    On an `opening` page, which shows it unasked, it can be put away for good; whether anything was drawn."""
    if opening and _name(experiment) in store.saved.all(PUT_AWAY):
        return False
    ending = "failed" if experiment.status == "failed" else f"was {experiment.status}"
    title = f"{without_folders(experiment.title)} {ending}"
    reason = _sentence(experiment.error or "It was stopped before its end")
    kept = "What was measured is kept: resuming sends only what is missing."
    tell = st.error if experiment.status == "failed" else st.warning
    icon = f":material/{state_sign(experiment.status).icon}:"
    if not may_change():
        tell(plain(without_folders(reason)), title=plain(title), icon=icon)
        return True
    tell(f"{plain(reason)} {kept}", title=plain(title), icon=icon)
    with st.container(horizontal=True):
        resume = partial(store.experiments.resume, experiment.id)
        action_button("Resume", resume, icon=":material/resume:", key=f"resume_{experiment.id}")
        if opening:
            action_button(
                "Put away", partial(store.saved.keep, PUT_AWAY, _name(experiment), {}, in_place=True),
                icon=":material/visibility_off:", key=f"put_away_{experiment.id}",
                help="No longer tell it here. It stays on the Ladder page, and can be resumed there.",
            )  # fmt: skip
    log = engine_log_tail(store, experiment)
    if log:
        with st.expander(LOG_TITLE, icon=":material/article:"):
            log_box(log)
    return True


def _name(experiment: ExperimentRow) -> str:
    """Of this ending: who resumes an experiment wants to know how it ends, and a number is given again once its
    experiment was removed."""
    return f"{experiment.id} at {experiment.finished_at or experiment.created_at:.3f}"


def recorded_notice(store: Store, experiment: ExperimentRow) -> None:
    """That an experiment was not measured here, and how to be rid of it; nothing for one of one's own."""
    badge = recorded_badge(experiment)
    if not badge:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(badge, width="content")
        removal(store, experiment)


def removal(store: Store, experiment: ExperimentRow) -> None:
    """A button that asks first. Viewers are shown none."""
    if not may_change():
        return
    badge = recorded_badge(experiment)
    with st.popover("Remove", icon=":material/delete:", type="tertiary"):
        st.markdown(
            "It does not come back by itself."
            if badge
            else f"Experiment {experiment.id} goes with all its runs and their requests, for good."
        )
        action_button(
            "Remove this recorded experiment" if badge else "Remove this experiment",
            partial(_remove, store, experiment.id), icon=":material/delete:", key=f"remove_{experiment.id}_for_good",
        )  # fmt: skip


def _remove(store: Store, experiment_id: int) -> None:
    store.experiments.remove(experiment_id)
    st.query_params.pop("experiment", None)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
