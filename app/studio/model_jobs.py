"""Downloads and quantizations on the Models page: what runs with its progress, what has ended with its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from time import time

import streamlit as st

from app.background.jobs import Job, all_jobs, cancel, find, forget
from app.engine.fit_words import amount
from app.studio.parts import TEXT_WIDTH, action_button, state_sign
from app.studio.session import look_at
from app.views.wording import about, plain
from store.settings import Settings

KINDS = ("download", "quantize")
POLL_S = 1.0
SHOWN = 3
"""Ended jobs that are still told of, until somebody puts them away."""


def jobs_now(settings: Settings) -> list[Job]:
    """To be read before the models are: a job that has ended since made one, and what is known of them may be a minute
    old."""
    jobs = all_jobs(settings, *KINDS)
    ended = {job.id for job in jobs if not job.is_live}
    if ended - st.session_state.get("ended_jobs", ended):
        look_at.clear()
    st.session_state["ended_jobs"] = ended
    return jobs


def show_jobs(settings: Settings, jobs: Sequence[Job]) -> None:
    """Polls only while something runs. Buttons stand outside of what polls, so that a click is never lost."""
    for job in [job for job in jobs if job.is_live]:
        with st.container(horizontal=True, vertical_alignment="center", key=f"job_{job.id}", width=TEXT_WIDTH):
            with st.container():
                _watch(settings, job.id)
            action_button(
                "Cancel", partial(cancel, settings, job.id), icon=":material/stop:", key=f"cancel_{job.id}",
                disabled=job.cancelling,
            )  # fmt: skip
    for job in [job for job in jobs if not job.is_live][:SHOWN]:
        with st.container(horizontal=True, vertical_alignment="center", key=f"job_{job.id}", width=TEXT_WIDTH):
            with st.container():
                _outcome(job)
            action_button(
                "Put away", partial(forget, settings, job.id), icon=":material/close:", type="tertiary",
                key=f"forget_{job.id}",
            )  # fmt: skip


def _watch(settings: Settings, job_id: str) -> None:
    @st.fragment(run_every=POLL_S)
    def watch() -> None:
        job = find(settings, job_id)
        if job is None or not job.is_live:
            st.rerun()
        text = f"{plain(job.title)}: {plain(progress_text(job, time()))}"
        if job.total:
            st.progress(min(1.0, job.done / job.total), text=text)
        else:
            st.markdown(f":blue[:material/hourglass_top:] {text}")

    watch()


def progress_text(job: Job, now: float) -> str:
    """`410 MiB of 1.21 GiB, 3 of 7 files, 11.3 MiB/s, about 2 min left`."""
    if job.cancelling:
        return "is being cancelled"
    if job.status == "requested":
        return "starting"
    counts_bytes = job.unit == "bytes" and job.total > 0
    told = [f"{amount(job.done)} of {amount(job.total)}"] if counts_bytes else []
    told.append(job.what)
    pace, left = job.per_second(now), job.seconds_left(now)
    if job.status == "running" and pace is not None and left is not None:
        told += [f"{amount(int(pace))}/s"] if counts_bytes else []
        told.append(f"{about(left)} left")
    return ", ".join(filter(None, told))


def _outcome(job: Job) -> None:
    sign = state_sign(job.status)
    if job.status == "done":
        said = f": {job.result['said']}" if job.result.get("said") else ""
        name = plain(str(job.result.get("name", "")))
        st.success(
            f"{plain(job.title)} is done{plain(said)}. It is **{name}** in the table.", icon=f":material/{sign.icon}:"
        )
    elif job.status == "cancelled":
        st.info(f"{plain(job.title)} was cancelled. {_after_cancel(job)}", icon=f":material/{sign.icon}:")
    else:
        reason = job.error or "it ended without a word"
        st.error(f"{plain(job.title)}: {plain(reason)}", icon=f":material/{sign.icon}:")


def _after_cancel(job: Job) -> str:
    if job.kind == "download":
        return "Whole files that came are kept for the next time."
    return "Nothing is left of it."
