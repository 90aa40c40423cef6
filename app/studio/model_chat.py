"""One prompt to the engine that is loaded: sent by a job of its own, shown as it comes, then its timings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from app.analysis.metric import BY_TAG, MISSING
from app.analysis.summary import LATENCIES
from app.background.chat import KIND, Question, start_chat
from app.background.jobs import Job, cancel, find
from app.studio.parts import TEXT_WIDTH, action_button
from app.studio.session import attempt
from app.views.wording import plain
from store.settings import Settings
from store.tables import EngineRow

PARAMETER = "chat"
POLL_S = 0.3
COUNTS = (("Tokens in", "prompt_tokens"), ("of them cached", "cached_tokens"), ("Tokens out", "output_tokens"))


def chat(settings: Settings, engine: EngineRow | None, chats: bool) -> None:
    """`engine` is one that is ready, or None. `chats` False: its model has no chat template. The answer is a link."""
    asked = st.query_params.get(PARAMETER, "")
    job = find(settings, asked) if asked.startswith(f"{KIND}-") else None
    if engine is not None and engine.base_url:
        _form(settings, engine, chats, job)
    elif job is None:
        st.caption("Start an engine, and send it a prompt here.")
    else:
        st.caption("The engine that answered runs no more.")
    if asked and job is None:
        st.info("That answer is no longer kept here.", icon=":material/info:")
    if job is not None:
        _answer(settings, job)


def _form(settings: Settings, engine: EngineRow, chats: bool, job: Job | None) -> None:
    with st.form("chat", border=False, width=TEXT_WIDTH):
        text = st.text_area(
            "Prompt", height=110, key="chat_text", placeholder="Ask the model something",
            help=None if chats else "This model has no chat template: the text is sent as it is, to be continued.",
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="bottom"):
            most = st.number_input("Longest answer (tokens)", 1, None, 128, width=190)
            warmth = st.number_input("Temperature", 0.0, 2.0, 0.0, step=0.1, width=150)
            sent = st.form_submit_button("Send", icon=":material/send:", type="primary")
    if not sent:
        return
    served = str((engine.plan or {}).get("served_name") or engine.spec.get("model", ""))
    question = Question(str(engine.base_url), served, chats, text, int(most), float(warmth))
    started: list[str] = []
    if attempt(lambda: started.append(start_chat(settings, question))):
        if job is not None and job.is_live:
            cancel(settings, job.id)
        st.query_params[PARAMETER] = started[0]
        st.rerun()


def _answer(settings: Settings, job: Job) -> None:
    if job.is_live:
        _stream(settings, job.id)
        action_button(
            "Stop", partial(cancel, settings, job.id), icon=":material/stop:", key=f"stop_{job.id}",
            disabled=job.cancelling,
        )  # fmt: skip
        return
    _text(job)
    if job.status in ("failed", "interrupted"):
        st.error(plain(str(job.error)), icon=":material/error:")
    elif job.status == "cancelled":
        st.caption("Stopped before its end: there are no timings.")
    else:
        show_figures(job.result)


def _stream(settings: Settings, job_id: str) -> None:
    @st.fragment(run_every=POLL_S)
    def watch() -> None:
        job = find(settings, job_id)
        if job is None or not job.is_live:
            st.rerun()
        st.caption("Stopping" if job.cancelling else (job.what or "starting").capitalize())
        _text(job)

    watch()


def _text(job: Job) -> None:
    """As code, so that nothing in it is taken for Markdown or HTML."""
    thought, text = str(job.result.get("reasoning") or ""), str(job.result.get("text") or "")
    if thought:
        st.caption("Reasoning")
        st.code(thought, language=None, wrap_lines=True, width=TEXT_WIDTH)
    if text:
        st.caption("Answer")
        st.code(text, language=None, wrap_lines=True, width=TEXT_WIDTH)
    elif job.status == "done":
        st.caption("The answer is empty.")


def show_figures(result: Mapping[str, Any]) -> None:
    with st.container(horizontal=True):
        for label, value, help_text in figures(result):
            st.metric(label, value, help=help_text, width=150)
    ending = "It was cut at the longest answer allowed. " if result.get("finish_reason") == "length" else ""
    st.caption(
        f"{ending}Timed by the client that measures runs. One prompt is no measurement: compare in an experiment.",
        width=TEXT_WIDTH,
    )


def figures(result: Mapping[str, Any]) -> list[tuple[str, str, str | None]]:
    """(label, value, what it means), named and formatted as everywhere."""
    found: list[tuple[str, str, str | None]] = []
    for tag in (*LATENCIES, "output_tokens_per_s"):
        metric = BY_TAG[tag]
        found.append((metric.title, metric.format(result.get(tag)), metric.help))
    for label, key in COUNTS:
        count = result.get(key)
        found.append((label, MISSING if count is None else f"{count:,}", None))
    return found
